"""Everyone who was here: their owner, their name, and when they were last active."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from personachat.accounts.administration import Role, role_of_owner
from personachat.accounts.people_tables import people
from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.owners import author_of, is_comparing

MOST_PEOPLE = 500


@dataclass(frozen=True, slots=True)
class KnownPerson:
    owner: str
    name: str
    role: Role
    conversations: int
    active_at: datetime


class KnownPeople:
    """Cheap to create. Methods raise what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[KnownPerson]:
        """Everyone who logged in or has a conversation that isn't deleted, last active first."""
        c = conversations.c
        active = func.max(c.updated_at).label("active_at")
        query = select(c.owner, func.count().label("chats"), active).where(c.deleted_at.is_(None))
        query = query.group_by(c.owner).order_by(active.desc()).limit(MOST_PEOPLE)
        newest = select(people).order_by(people.c.last_seen_at.desc()).limit(MOST_PEOPLE)
        with self._database.read() as connection:
            talked = {row.owner: row for row in connection.execute(query) if not is_comparing(row.owner)}
            seen = {row.key: row for row in connection.execute(newest)}
        everyone = [self._person(owner, talked.get(owner), seen.get(owner)) for owner in {**talked, **seen}]
        return sorted(everyone, key=lambda each: each.active_at, reverse=True)[:MOST_PEOPLE]

    def _person(self, owner: str, talked: Row[Any] | None, seen: Row[Any] | None) -> KnownPerson:
        return KnownPerson(
            owner=owner,
            name=(seen and (seen.name or seen.email)) or author_of(owner),
            role=seen.role if seen else role_of_owner(owner),
            conversations=talked.chats if talked else 0,
            active_at=max(each for each in (talked and talked.active_at, seen and seen.last_seen_at) if each),
        )
