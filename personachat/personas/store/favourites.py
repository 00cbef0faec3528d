"""A person's favourite personas. Favourites outlive the personas."""

from __future__ import annotations

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.personas.store.tables import persona_favourites

_f = persona_favourites.c


class Favourites:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owner: str) -> frozenset[str]:
        """The ids of an owner's favourites."""
        with self._database.read() as connection:
            rows = connection.execute(select(_f.persona_id).where(_f.owner == owner))
            return frozenset(row.persona_id for row in rows)

    def set(self, owner: str, persona_id: str, *, favourite: bool) -> None:
        """Add a favourite or remove it."""
        with self._database.write() as connection:
            if favourite:
                row = {"owner": owner, "persona_id": persona_id}
                put(connection, persona_favourites, row, key=("owner", "persona_id"))
            else:
                connection.execute(
                    delete(persona_favourites).where(_f.owner == owner, _f.persona_id == persona_id)
                )
