"""Moves a renamed persona's turns, and messages that wait for it, to its new id."""

from __future__ import annotations

from sqlalchemy import Connection, func, update

from personachat.conversations.tables import queued_messages, turns


def move_persona(connection: Connection, old_id: str, new_id: str) -> None:
    """Move the turns and queued messages of a persona, of every owner. The names in them stay."""
    connection.execute(update(turns).where(turns.c.persona_id == old_id).values(persona_id=new_id))
    q = queued_messages.c
    start = f"{old_id}@"
    connection.execute(update(queued_messages).where(q.persona_id == old_id).values(persona_id=new_id))
    connection.execute(
        update(queued_messages)
        .where(q.persona_id.startswith(start, autoescape=True))
        .values(persona_id=f"{new_id}@" + func.substr(q.persona_id, len(start) + 1))
    )
