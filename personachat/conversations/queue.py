"""The queue of a conversation: messages sent while a reply was streaming, in the order they go out."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, func, insert, outerjoin, select

from personachat.conversations.base import no_such_conversation
from personachat.conversations.model import QueuedMessage
from personachat.conversations.ownership import OWNED
from personachat.conversations.rows import queued_of
from personachat.conversations.tables import conversations, queued_messages
from personachat.messages import storable

_POSITION = queued_messages.c.position
_THERE = queued_messages.c.conversation_id == bindparam("this")
_QUEUE = select(queued_messages).where(_THERE).order_by(_POSITION)
_OWNED_QUEUE = select(queued_messages).select_from(outerjoin(conversations, queued_messages)).where(OWNED)
_OWNED_QUEUE = _OWNED_QUEUE.order_by(_POSITION)


def queue_of(connection: Connection, conversation_id: str) -> tuple[QueuedMessage, ...]:
    """The waiting messages, first one first."""
    return tuple(queued_of(row) for row in connection.execute(_QUEUE, {"this": conversation_id}))


def owned_queue(connection: Connection, owner: str, conversation_id: str) -> tuple[QueuedMessage, ...]:
    """The same, together with a check of the owner. Raises ConversationNotFound."""
    rows = connection.execute(_OWNED_QUEUE, {"owned_by": owner, "this": conversation_id}).all()
    if not rows:
        raise no_such_conversation()
    return tuple(queued_of(row) for row in rows if row.id is not None)


def put(connection: Connection, conversation_id: str, message: QueuedMessage) -> None:
    """Add a message at the end. The caller has locked the conversation."""
    place = select(func.coalesce(func.max(_POSITION) + 1, 0)).where(
        queued_messages.c.conversation_id == conversation_id
    )
    values = {
        "id": message.id,
        "conversation_id": conversation_id,
        "position": place.scalar_subquery(),
        "content": storable(message.content),
        "persona_id": message.persona_id,
        "offline": message.offline,
    }
    connection.execute(insert(queued_messages).values(values))


def take(connection: Connection, conversation_id: str, message_id: str | None) -> QueuedMessage | None:
    """Remove a message (None: the first) and return it, if any. The caller has locked the conversation."""
    query = _QUEUE.limit(1)
    if message_id is not None:
        query = query.where(queued_messages.c.id == message_id)
    row = connection.execute(query, {"this": conversation_id}).first()
    if row is None:
        return None
    connection.execute(delete(queued_messages).where(queued_messages.c.id == row.id))
    return queued_of(row)
