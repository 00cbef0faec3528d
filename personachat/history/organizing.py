"""Renaming, pinning, archiving, deleting: changes of a conversation's place in the lists, not its messages.

Deleting hides a conversation; what was deleted long ago is purged together with its turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select, update

from personachat.conversations.base import no_such_conversation
from personachat.conversations.tables import conversations, queued_messages, turns
from personachat.database.connection import Database
from personachat.errors import MessageInvalid
from personachat.messages import storable
from personachat.stamps import now

MOST_TITLE_CHARACTERS = 200

KEPT_AFTER_DELETION = timedelta(days=30)
EMPTY_LIFETIME = timedelta(days=1)
"""A conversation without any messages."""

_AT_ONCE = 500


def checked_title(title: str) -> str:
    """A title in the form that is stored: on one line. Raises MessageInvalid."""
    words = " ".join(storable(title).split())
    if not 0 < len(words) <= MOST_TITLE_CHARACTERS:
        raise MessageInvalid(f"A title must be 1 to {MOST_TITLE_CHARACTERS} characters long.")
    return words


def change(connection: Connection, owner: str, conversation_id: str, **values: Any) -> None:
    """Write to an owner's conversation that isn't deleted. Raises ConversationNotFound."""
    c = conversations.c
    mine = update(conversations).where(c.id == conversation_id, c.owner == owner, c.deleted_at.is_(None))
    if connection.execute(mine.values(**values)).rowcount != 1:
        raise no_such_conversation()


def set_deleted(connection: Connection, owner: str, ids: Sequence[str], *, deleted: bool) -> int:
    """Hide conversations or show them again; returns how many changed."""
    c = conversations.c
    changed = 0
    for start in range(0, len(ids), _AT_ONCE):
        other = c.deleted_at.is_(None) if deleted else c.deleted_at.is_not(None)
        mine = update(conversations).where(c.owner == owner, c.id.in_(ids[start : start + _AT_ONCE]), other)
        changed += connection.execute(mine.values(deleted_at=now() if deleted else None)).rowcount
    return changed


def is_there(connection: Connection, owner: str, conversation_id: str) -> bool:
    """Whether the owner has it, deleted or not."""
    c = conversations.c
    return bool(connection.scalar(select(exists().where(c.id == conversation_id, c.owner == owner))))


def purge(database: Database) -> int:
    """Permanently remove what was deleted or left empty long ago, of every owner; returns the number."""
    c = conversations.c
    has_turns = exists().where(turns.c.conversation_id == c.id)
    waiting = exists().where(queued_messages.c.conversation_id == c.id)
    old = c.deleted_at < now() - KEPT_AFTER_DELETION
    unused = and_(c.title == "", c.updated_at < now() - EMPTY_LIFETIME, ~has_turns, ~waiting)
    with database.read() as connection:
        expired_ids = connection.scalars(select(c.id).where(or_(old, unused))).all()
    for conversation_id in expired_ids:  # each by itself: others can write in between
        with database.write() as connection:
            connection.execute(conversations.delete().where(c.id == conversation_id, or_(old, unused)))
    return len(expired_ids)
