"""The stored access rules of each persona; `rights` knows what they mean.

While the database can't be reached, what this process last read still applies. If nothing was read yet,
nothing is assumed, and the caller gets the database's error. A page checks many personas and many buttons.
Inside `read_once`, one read answers all of that. A change inside it is seen, and whoever asks later reads
again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, delete, select, update

from personachat.accounts.people_tables import persona_access
from personachat.accounts.rights import SHARED, Grant, PersonaAccess, Visibility
from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import DatabaseDamaged, DatabaseUnavailable

_a = persona_access.c

_GRANTS: TypeAdapter[tuple[Grant, ...]] = TypeAdapter(tuple[Grant, ...])
_VISIBILITY: TypeAdapter[Visibility] = TypeAdapter(Visibility)

_ReadOnce = dict["PersonaAccesses", Mapping[str, PersonaAccess]]
_read: ContextVar[_ReadOnce | None] = ContextVar("persona_access_read", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Inside this block, all questions of this thread are answered by one read."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


class PersonaAccesses:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cached: Mapping[str, PersonaAccess] | None = None
        self._lock = threading.Lock()

    def of(self, persona_id: str) -> PersonaAccess:
        """The rules of one persona; SHARED if none were ever set."""
        if _read.get() is not None:
            return self.all().get(persona_id, SHARED)
        try:
            with self._database.read() as connection:
                query = select(persona_access).where(_a.persona_id == persona_id)
                row = connection.execute(query).one_or_none()
        except (DatabaseUnavailable, DatabaseDamaged):
            return self._last_accesses().get(persona_id, SHARED)
        return _access(row) if row else SHARED

    def all(self) -> Mapping[str, PersonaAccess]:
        """The rules of every persona that someone owns or restricted, by id."""
        read = _read.get()
        if read is not None and self in read:
            return read[self]
        try:
            with self._database.read() as connection:
                accesses = {
                    row.persona_id: _access(row) for row in connection.execute(select(persona_access))
                }
        except (DatabaseUnavailable, DatabaseDamaged):
            return self._last_accesses()
        with self._lock:
            self._cached = accesses
        if read is not None:
            read[self] = accesses
        return accesses

    def put(self, persona_id: str, access: PersonaAccess) -> None:
        """Set the rules from now on."""
        _read_again()
        with self._database.write() as connection:
            renewed = ("owner", "visibility", "prompt_visible", "grants", "changed_at")
            row = self._row(connection, persona_id, access)
            put(connection, persona_access, row, key=("persona_id",), renewed=renewed)

    def claim(self, persona_id: str, access: PersonaAccess) -> bool:
        """Set the rules if none were ever set for this persona; False otherwise."""
        _read_again()
        with self._database.write() as connection:
            put(connection, persona_access, self._row(connection, persona_id, access), key=("persona_id",))
            query = select(persona_access).where(_a.persona_id == persona_id)
            return _access(connection.execute(query).one()) == access

    def forget(self, persona_id: str) -> None:
        """Delete its rules, as if none were ever set."""
        _read_again()
        with self._database.write() as connection:
            connection.execute(delete(persona_access).where(_a.persona_id == persona_id))

    def _last_accesses(self) -> Mapping[str, PersonaAccess]:
        with self._lock:
            accesses = self._cached
        if accesses is None:
            with self._database.read():  # logs why
                return {}
        return accesses

    def _row(self, connection: Connection, persona_id: str, access: PersonaAccess) -> dict[str, Any]:
        return {
            "persona_id": persona_id,
            "owner": access.owner,
            "visibility": access.visibility,
            "prompt_visible": access.prompt_visible,
            "grants": [
                {"who": grant.who, "right": grant.right, "allowed": grant.allowed} for grant in access.grants
            ],
            "changed_at": self._database.moment(connection),
        }


def move_persona(connection: Connection, old_id: str, new_id: str) -> None:
    """Move a persona's rules to its new id."""
    _read_again()
    connection.execute(delete(persona_access).where(_a.persona_id == new_id))
    connection.execute(update(persona_access).where(_a.persona_id == old_id).values(persona_id=new_id))


def _read_again() -> None:
    """The rules that were read are about to change."""
    read = _read.get()
    if read is not None:
        read.clear()


def _access(row: Row[Any]) -> PersonaAccess:
    """The stored rules; unreadable ones may forbid something, so they let nobody in."""
    try:
        grants = _GRANTS.validate_python(row.grants)
        visibility = _VISIBILITY.validate_python(row.visibility)
    except ValidationError:
        return PersonaAccess(row.owner, "private", prompt_visible=False)
    return PersonaAccess(row.owner, visibility, row.prompt_visible, grants)
