"""Conversations that are gone: rows, turns, links, waiting messages, search index and what models were told.

A prompt is kept once for all replies that were given it, so it goes with the last of them. SQLite overwrites
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
"""Conversations of one transaction: others can write in between."""

_MOST_AT_ONCE = 5_000
"""What a look for old conversations erases at most; the next one goes on."""


def erase(database: Database, ids: Sequence[str], *, only: ColumnElement[bool] | None = None) -> int:
    """Erase these conversations, no matter whose they are; returns how many there were.

    `only` is asked of each when its turn comes: somebody may have gone on with it by then.
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
    """Have no word of what was erased left in the bytes of SQLite's files; takes time with a large index."""
    if not database.is_sqlite:
        return
    with database.write() as connection:
        overwrite_deleted(connection)
        connection.execute(text("INSERT INTO turn_words(turn_words) VALUES('optimize')"))
    database.empty_log()


def expire(database: Database, *, days: int) -> int:
    """Erase what has not gone on for so many days, pinned and archived ones too; returns how many went."""
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
    """Have SQLite write zeros over what this connection deletes; PostgreSQL has its own way, vacuum."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete=ON"))


def _erase(connection: Connection, ids: Sequence[str]) -> int:
    overwrite_deleted(connection)
    theirs = turns.c.conversation_id.in_(ids)
    prompt_id = turns.c.request["prompt_id"].as_string()
    prompt_ids = set(connection.scalars(select(prompt_id).where(theirs, turns.c.request.is_not(None)))) - {
        None
    }
    if prompt_ids and connection.dialect.name == "postgresql":  # nobody may refer to one that is about to go
        connection.execute(text("LOCK TABLE prompts IN SHARE ROW EXCLUSIVE MODE"))
    count = connection.execute(delete(conversations).where(conversations.c.id.in_(ids))).rowcount
    if prompt_ids:
        still = exists().where(prompt_id == prompts.c.id)
        connection.execute(delete(prompts).where(prompts.c.id.in_(prompt_ids), ~still))
    return count
