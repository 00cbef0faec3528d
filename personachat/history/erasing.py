"""Erasing conversations: rows, turns, links, queued messages, search index and prompts.

A prompt is stored once for all replies that used it, so it is erased with the last of them. SQLite overwrites
what is deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, text

from personachat.conversations.tables import LIVE, conversations, prompts, turns
from personachat.database.connection import Database
from personachat.stamps import now

log = logging.getLogger(__name__)

_AT_ONCE = 50
"""Conversations per transaction, so that others can write in between."""

_MOST_AT_ONCE = 5_000
"""The most that one run for old conversations erases; the next run continues."""


def erase(database: Database, ids: Sequence[str], *, only: ColumnElement[bool] | None = None) -> int:
    """Erase these conversations, of every owner; returns how many there were.

    `only` is checked for each in its turn: someone may have continued it by then.
    """
    count = 0
    for start in range(0, len(ids), _AT_ONCE):
        with database.write() as connection:
            count += _erase(connection, _those(connection, ids[start : start + _AT_ONCE], only))
    return count


def _those(connection: Connection, ids: Sequence[str], only: ColumnElement[bool] | None) -> Sequence[str]:
    if only is None:
        return ids
    c = conversations.c
    return connection.scalars(select(c.id).where(c.id.in_(ids), only).with_for_update()).all()


def forget_words(database: Database) -> None:
    """Remove erased text from the bytes of SQLite's files; takes time with a large index."""
    if not database.is_sqlite:
        return
    with database.write() as connection:
        overwrite_deleted(connection)
        connection.execute(text("INSERT INTO turn_words(turn_words) VALUES('optimize')"))
    database.empty_log()


def expire(database: Database, *, days: int) -> int:
    """Erase what hasn't been used for so many days, also pinned and archived ones; returns the number."""
    c = conversations.c
    being_written = exists().where(turns.c.conversation_id == c.id, LIVE)
    old = and_(c.updated_at < now() - timedelta(days=days), ~being_written)
    with database.read() as connection:
        ids = connection.scalars(select(c.id).where(old).order_by(c.updated_at).limit(_MOST_AT_ONCE)).all()
    count = erase(database, ids, only=old)
    if count:
        log.info("%d conversations were erased: they were older than %d days", count, days)
    return count


def overwrite_deleted(connection: Connection) -> None:
    """Make SQLite write zeros over what this connection deletes; PostgreSQL has vacuum for that."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete=ON"))


def _erase(connection: Connection, ids: Sequence[str]) -> int:
    overwrite_deleted(connection)
    theirs = turns.c.conversation_id.in_(ids)
    prompt_id = turns.c.request["prompt_id"].as_string()
    prompt_ids = set(connection.scalars(select(prompt_id).where(theirs, turns.c.request.is_not(None)))) - {
        None
    }
    if prompt_ids and connection.dialect.name == "postgresql":  # nobody may refer to one meanwhile
        connection.execute(text("LOCK TABLE prompts IN SHARE ROW EXCLUSIVE MODE"))
    count = connection.execute(delete(conversations).where(conversations.c.id.in_(ids))).rowcount
    if prompt_ids:
        still = exists().where(prompt_id == prompts.c.id)
        connection.execute(delete(prompts).where(prompts.c.id.in_(prompt_ids), ~still))
    return count
