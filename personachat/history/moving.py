"""Gives all conversations of one owner to another: those of a browser to the person who logs in there."""

from __future__ import annotations

from sqlalchemy import func, select, update

from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.history.sharing import shares

_c = conversations.c


def count_of(database: Database, owner: str) -> int:
    """How many conversations somebody has."""
    query = select(func.count()).where(_c.owner == owner, _c.deleted_at.is_(None))
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def move_all(database: Database, *, before: str, now: str) -> None:
    """Move them with their share links, the deleted ones as well: whoever could bring them back still can."""
    with database.write() as connection:
        connection.execute(update(conversations).where(_c.owner == before).values(owner=now))
        connection.execute(update(shares).where(shares.c.owner == before).values(owner=now))
