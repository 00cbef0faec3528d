"""What each owner can undo: the last deletion or change of tags, or the draft that was discarded last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, cast

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.messages import storable
from personachat.personas.store.tables import persona_undos

OFFERED = timedelta(hours=12)
"""Later than that it is offered in the lists of what was deleted and discarded only."""

MOST_NAME_CHARACTERS = 300

UndoKind: TypeAlias = Literal["deleted", "discarded", "tagged"]

_u = persona_undos.c


@dataclass(frozen=True, slots=True)
class Undo:
    """What was done to which personas, and by what name each one's draft was set aside with it, "" for none.

    Where tags were changed, the ETags before and after stand in the place of that name, with a dot between.
    `name` is what people know the first of them by.
    """

    kind: UndoKind
    name: str
    what: tuple[tuple[str, str], ...]


class PersonaUndos:
    """Those of one place of personas; safe for threads and processes.

    Methods raise DatabaseUnavailable and DatabaseDamaged.
    """

    def __init__(self, database: Database, *, place: str) -> None:
        self._database = database
        self._place = place

    def offer(self, owner: str, kind: UndoKind, *, name: str, what: Sequence[tuple[str, str]]) -> None:
        """Keep it in the place of what could be undone until now."""
        with self._database.write() as connection:
            row = {
                "owner": owner,
                "place": self._place,
                "kind": kind,
                "name": storable(name)[:MOST_NAME_CHARACTERS],
                "ids": json.dumps(list(what)),
                "created_at": self._database.moment(connection),
            }
            renewed = ("kind", "name", "ids", "created_at")
            put(connection, persona_undos, row, key=("owner", "place"), renewed=renewed)

    def of(self, owner: str) -> Undo | None:
        """What can be undone; None if there is nothing, or only what was done long ago."""
        query = select(persona_undos).where(_u.owner == owner, _u.place == self._place)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None or row.created_at < self._database.moment(connection) - OFFERED:
                return None
        what = tuple((persona_id, aside) for persona_id, aside in json.loads(row.ids))
        return Undo(cast("UndoKind", row.kind), row.name, what)

    def forget(self, owner: str) -> None:
        """It was undone, or nobody wants to."""
        with self._database.write() as connection:
            connection.execute(delete(persona_undos).where(_u.owner == owner, _u.place == self._place))
