"""The faces that conversations show of personas, which may have another by now."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from personachat.conversations.tables import turns


def faces(connection: Connection) -> Iterable[str]:
    """Every face that has a picture, once."""
    return connection.scalars(select(turns.c.avatar).where(turns.c.avatar.startswith(":picture/")).distinct())
