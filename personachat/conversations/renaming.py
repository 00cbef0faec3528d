"""Has what was said by a persona, and what waits to be said to it, under another id."""

from __future__ import annotations

from sqlalchemy import Connection, func, update

from personachat.conversations.tables import queued_messages, turns


def move_persona(connection: Connection, old_id: str, new_id: str) -> None:
    """Move the persona's turns and queued messages, whoever's they are; the names in them stay."""
    connection.execute(update(turns).where(turns.c.persona_id == old_id).values(persona_id=new_id))
    q = queued_messages.c
    start = f"{old_id}@"
    connection.execute(update(queued_messages).where(q.persona_id == old_id).values(persona_id=new_id))
    connection.execute(
        update(queued_messages)
        .where(q.persona_id.startswith(start, autoescape=True))
        .values(persona_id=f"{new_id}@" + func.substr(q.persona_id, len(start) + 1))
    )
