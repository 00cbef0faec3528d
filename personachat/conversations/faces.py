"""The faces that conversations show for personas, which may have changed since."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from personachat.conversations.tables import turns


def faces(connection: Connection) -> Iterable[str]:
    """Every face with a picture, once."""
    return connection.scalars(select(turns.c.avatar).where(turns.c.avatar.startswith(":picture/")).distinct())
