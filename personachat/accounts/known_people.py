"""Who has conversations here: owners as they are, what they are called, and when they were last active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from personachat.accounts.administration import Role, role_of_owner
from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.owners import author_of

MOST_PEOPLE = 500


@dataclass(frozen=True, slots=True)
class KnownPerson:
    owner: str
    name: str
    role: Role
    conversations: int
    active_at: datetime


class KnownPeople:
    """Cheap to make. Methods raise what `Database` raises."""

    def __init__(self, database: Database, *, role_of: Callable[[str], Role] = role_of_owner) -> None:
        self._database = database
        self._role_of = role_of

    def all(self) -> list[KnownPerson]:
        """Whoever has a conversation that is not deleted, the last active first."""
        c = conversations.c
        active = func.max(c.updated_at).label("active_at")
        query = select(c.owner, func.count().label("chats"), active).where(c.deleted_at.is_(None))
        query = query.group_by(c.owner).order_by(active.desc()).limit(MOST_PEOPLE)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            KnownPerson(row.owner, author_of(row.owner), self._role_of(row.owner), row.chats, row.active_at)
            for row in rows
        ]
