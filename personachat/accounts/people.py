"""People who were seen: who they are, their role then, and since when their logins aren't valid.

Signing out everywhere uses the provider's own clock: it ends every login up to the newest one seen, however
much the clocks of provider and server differ. While the database can't be reached, the last known facts about
a person apply; nothing is assumed about anyone else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from personachat.accounts.identity import MOST_CHARACTERS, Identity
from personachat.accounts.people_tables import people
from personachat.accounts.person import Person, Role
from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import DatabaseDamaged, DatabaseUnavailable

SEEN_AGAIN_AFTER = timedelta(minutes=5)
"""How often it is recorded that someone is still active."""

MOST_REMEMBERED = 10_000

MOST_ENDED_LOGINS = 200
"""Per person; logging out of more ends the logins before these as well."""

_p = people.c


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person as they were last seen."""

    person: Person
    first_seen_at: datetime
    last_seen_at: datetime
    login_at: float | None = None
    signed_out_before: float | None = None
    ended_logins: frozenset[float] = frozenset()
    """When the ended logins were issued."""


class SeenPeople:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[str, SeenPerson] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> SeenPerson | None:
        with self._database.read() as connection:
            row = connection.execute(select(people).where(_p.key == key)).one_or_none()
        return self._keep(_seen_person(row)) if row else None

    def latest(self, key: str) -> SeenPerson | None:
        """Like `find`; while the database can't be reached, what this process last knew about them."""
        try:
            return self.find(key)
        except (DatabaseUnavailable, DatabaseDamaged):
            with self._lock:
                person = self._remembered.get(key)
            if person is None:
                raise
            return person

    def all(self) -> tuple[SeenPerson, ...]:
        """Everybody, last seen first."""
        with self._database.read() as connection:
            rows = connection.execute(select(people).order_by(_p.last_seen_at.desc(), _p.key))
            return tuple(_seen_person(row) for row in rows)

    def saw(self, person: Person, identity: Identity, *, earlier: SeenPerson | None) -> None:
        """Record that someone is here, unless the stored facts already say so."""
        if earlier and not _is_news(person, identity, earlier, now=datetime.now(UTC)):
            return
        with self._database.write() as connection:
            now = self._database.moment(connection)
            row = _row(person) | {"login_at": identity.issued_at}
            added = row | {"first_seen_at": now, "last_seen_at": now}
            put(connection, people, added, key=("key",), renewed=("last_seen_at",))
            newest = update(people).where(_p.key == person.key)
            if identity.issued_at is None:
                del row["login_at"]
            else:
                newest = newest.where(_p.login_at.is_(None) | (_p.login_at <= identity.issued_at))
            connection.execute(newest.values(row))
        self.find(person.key)  # from now on this process knows them

    def sign_out_everywhere(self, key: str) -> None:
        """End every login of a person seen so far."""
        with self._database.write() as connection:
            ending = update(people).where(_p.key == key)
            connection.execute(ending.values(signed_out_before=_p.login_at))
        self.find(key)

    def end_login(self, key: str, issued_at: float) -> None:
        """End one login of a person, in every tab and wherever its cookie may be."""
        with self._database.write() as connection:
            theirs = update(people).where(_p.key == key)
            row = connection.execute(
                select(_p.ended_logins, _p.signed_out_before).where(_p.key == key).with_for_update()
            ).one_or_none()
            if row is None:
                return
            ended = sorted({*(row.ended_logins or ()), issued_at}, reverse=True)
            forgotten = [*ended[MOST_ENDED_LOGINS:], *filter(None, [row.signed_out_before])]
            connection.execute(
                theirs.values(
                    ended_logins=ended[:MOST_ENDED_LOGINS], signed_out_before=max(forgotten, default=None)
                )
            )
        self.find(key)

    def _keep(self, seen: SeenPerson) -> SeenPerson:
        with self._lock:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[seen.person.key] = seen
        return seen


def _is_news(person: Person, identity: Identity, earlier: SeenPerson, *, now: datetime) -> bool:
    issued, newest = identity.issued_at, earlier.login_at or 0
    if issued is not None and issued < newest:
        person = earlier.person  # that login adds nothing new about them
    is_newer = issued is not None and issued > newest
    return is_newer or person != earlier.person or now - earlier.last_seen_at > SEEN_AGAIN_AFTER


def _row(person: Person) -> dict[str, Any]:
    return {
        "key": person.key,
        "name": person.name[:MOST_CHARACTERS],
        "email": person.email[:MOST_CHARACTERS],
        "role": person.role.value,
        "groups": sorted(person.groups),
        "claims": sorted(person.claims),
    }


def _seen_person(row: Row[Any]) -> SeenPerson:
    role = Role(row.role) if row.role in tuple(Role) else Role.READER
    person = Person(row.key, role, row.name, row.email, frozenset(row.groups), frozenset(row.claims or ()))
    return SeenPerson(
        person,
        row.first_seen_at,
        row.last_seen_at,
        row.login_at,
        row.signed_out_before,
        frozenset(row.ended_logins or ()),
    )
