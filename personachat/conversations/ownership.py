"""Access to what a person owns: each query names the owner, and someone else's id counts as unknown.

Deleted conversations and turns are unknown too, except to those who restore them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, select

from personachat.conversations import tree
from personachat.conversations.base import no_such_conversation, no_such_turn
from personachat.conversations.rows import TURN_COLUMNS
from personachat.conversations.tables import conversations, turns


def is_owned(owner: str, conversation_id: str) -> ColumnElement[bool]:
    """The condition that selects one row of conversations."""
    return and_(
        conversations.c.id == conversation_id,
        conversations.c.owner == owner,
        conversations.c.deleted_at.is_(None),
    )


def owned_head(connection: Connection, owner: str, conversation_id: str, *, hold: bool = False) -> Row[Any]:
    """The row of a conversation, locked until the transaction ends if asked.

    Raises ConversationNotFound.
    """
    query = _HEAD_LOCKED if hold else _HEAD
    row = connection.execute(query, {"owned_by": owner, "this": conversation_id}).first()
    if row is None:
        raise no_such_conversation()
    return row


OWNED = and_(
    conversations.c.id == bindparam("this"),
    conversations.c.owner == bindparam("owned_by"),
    conversations.c.deleted_at.is_(None),
)
"""The same condition for statements that are built once."""

_HEAD = select(conversations).where(OWNED)
_HEAD_LOCKED = _HEAD.with_for_update()


def owned_turn(connection: Connection, owner: str, turn_id: str) -> Row[Any]:
    """The TURN_COLUMNS of a turn, even a hidden one. Raises TurnNotFound."""
    query = select(*TURN_COLUMNS).join_from(turns, conversations).where(turns.c.id == turn_id)
    row = connection.execute(
        query.where(conversations.c.owner == owner, conversations.c.deleted_at.is_(None))
    ).first()
    if row is None:
        raise no_such_turn()
    return row


def visible_turn(connection: Connection, owner: str, turn_id: str) -> Row[Any]:
    """The TURN_COLUMNS of a turn that isn't hidden. Raises TurnNotFound."""
    row = owned_turn(connection, owner, turn_id)
    if not tree.is_visible(connection, turn_id, conversation_id=row.conversation_id):
        raise no_such_turn()
    return row
