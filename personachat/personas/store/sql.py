"""Personas in the database, for teams with several servers: each sees what others saved at its next look.

Every change locks the only row of `persona_changes` and increments it, so that numbers follow the order of
commits. A process that knows the number of the last change reads and parses only later ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, case, delete, false, insert, null, select, update

from personachat.database.connection import Database
from personachat.errors import DatabaseDamaged, DatabaseUnavailable, PersonaExists, StoreUnavailable
from personachat.jsontext.faults import excerpt
from personachat.jsontext.reader import UNSTORABLE
from personachat.personas import limits
from personachat.personas.persona import Persona
from personachat.personas.store.base import PLAIN_SAVE, Action, BrokenPersona, Saving, StoredPersona
from personachat.personas.store.id_in_text import renaming_of
from personachat.personas.store.persona_file import SUFFIX, etag_of, read_persona
from personachat.personas.store.renaming import Move, Redirects
from personachat.personas.store.revisions import Recording, SqlRevisions
from personachat.personas.store.rules import (
    Rank,
    broken,
    check_new_id,
    not_found,
    rank,
    whole,
)
from personachat.personas.store.tables import persona_changes, personas
from personachat.personas.store.writing import AnyStoredPersona, Change, WritingStore

Beginning: TypeAlias = Callable[[], Sequence[StoredPersona]]
Begun: TypeAlias = Callable[[Connection, Sequence[StoredPersona]], None]

_BEGINNING = Saving(note="From the personas folder")

_NAME = "personas"
_NO_SIGNATURE = (0, 0, 0, 0)
_is_the_counter = persona_changes.c.name == _NAME


class _Entry(NamedTuple):
    rank: Rank
    stored: AnyStoredPersona


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What this process saw last: all as of one change, by id and in the order of the list."""

    number: int = -1
    entries: dict[str, _Entry] = field(default_factory=dict)
    in_order: tuple[AnyStoredPersona, ...] = ()


class SqlPersonaStore(WritingStore):
    """A PersonaStore. `beginning` returns the personas of a database that was never used.

    It is called at the first use. A database begins once, however many processes start together.
    """

    def __init__(
        self,
        database: Database,
        revisions: SqlRevisions,
        *,
        beginning: Beginning | None = None,
        moves: Sequence[Move] = (),
        begun: Begun | None = None,
    ) -> None:
        """`moves` are run when a persona gets another id, `begun` at the first use."""
        self._moves = moves
        self._with_the_first = begun
        self._redirects = Redirects(database, place=revisions.place)
        self._database = database
        self._revisions = revisions
        self._beginning = beginning
        self._begun = beginning is None
        self._cached = _Snapshot()
        self._renewing = threading.Lock()

    def all(self) -> list[AnyStoredPersona]:
        with _available():
            self._begin()
            with self._database.read() as connection:
                number = _number(connection)
            if number != self._cached.number:
                self._renew()
            return list(self._cached.in_order)

    def get(self, persona_id: str) -> StoredPersona:
        if len(persona_id) > limits.ID or UNSTORABLE.search(persona_id):
            raise not_found(persona_id)
        with _available():
            self._begin()
            with self._database.read() as connection:
                persona = self._find(connection, persona_id)
        if persona is None:
            raise self._redirects.missing(persona_id)
        return whole(persona)

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        self._refuse_missing(persona_id)
        with self._writing() as connection:
            persona = self._of_version(self._find(connection, persona_id), persona_id, etag)
            check_new_id(new_id, self._find(connection, new_id))
            renaming = renaming_of(persona, new_id)
            self._set(connection, persona_id, deleted=True)
            self._put_row(connection, renaming.after)
            self._revisions.rename(connection, renaming, saving=saving, also=self._moves)
            return renaming.after

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        with self._writing() as connection:
            current = broken(persona_id, self._find(connection, persona_id), etag)
            self._set(connection, persona_id, deleted=True)
            return current

    def put_back(self, persona_id: str) -> None:
        with self._writing() as connection:
            there = select(personas.c.deleted).where(personas.c.id == persona_id)
            deleted = connection.execute(there).scalar()
            if deleted is None:
                raise not_found(persona_id)
            if not deleted:
                raise PersonaExists(
                    f'There is a persona "{excerpt(persona_id)}" again by now.',
                    hint="Look at that one first.",
                )
            self._set(connection, persona_id, deleted=False)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        with self._writing() as connection:
            current = broken(persona_id, self._find(connection, persona_id), etag)
            check_new_id(new_id, self._find(connection, new_id))
            self._set(connection, persona_id, deleted=True)
            connection.execute(delete(personas).where(personas.c.id == new_id))  # one that was deleted
            values = {"id": new_id, "text": current.text, "etag": current.etag, "deleted": False}
            connection.execute(insert(personas).values(**values, change=_count_up(connection)))

    def _set(self, connection: Connection, persona_id: str, *, deleted: bool) -> None:
        number = _count_up(connection)
        connection.execute(
            update(personas).where(personas.c.id == persona_id).values(deleted=deleted, change=number)
        )

    # --- reading ----------------------------------------------------------------------------------

    def _renew(self) -> None:
        """Fetch what has changed since the last look; other threads wait for that instead of parsing too."""
        with self._renewing:
            cached = self._cached
            with self._database.read() as connection:
                number = _number(connection)
                if number == cached.number:
                    return
                if number < cached.number:  # another database is in the place of the known one
                    cached = _Snapshot()
                changed = connection.execute(select(personas).where(personas.c.change > cached.number)).all()
            entries = dict(cached.entries)
            for row in changed:
                earlier = entries.pop(row.id, None)
                if row.deleted:
                    continue
                if earlier is None or earlier.stored.etag != row.etag:
                    persona = _read(row.id, row.text, row.etag)
                    earlier = _Entry(rank(persona), persona)
                entries[row.id] = earlier
            ordered = sorted(entries.items(), key=lambda entry: entry[1].rank)
            in_order = tuple(entry.stored for _, entry in ordered)
            self._cached = _Snapshot(number, dict(ordered), in_order)

    def _find(self, connection: Connection, persona_id: str) -> AnyStoredPersona | None:
        """Look one up. Its text is only transferred if it isn't the known one."""
        entry = self._cached.entries.get(persona_id)
        etag = entry.stored.etag if entry else ""
        text = case((personas.c.etag == etag, null()), else_=personas.c.text).label("text")
        row = connection.execute(
            select(personas.c.etag, text).where(personas.c.id == persona_id, personas.c.deleted == false())
        ).one_or_none()
        if row is None:
            return None
        if entry and row.etag == etag:
            return entry.stored
        return _read(persona_id, row.text, row.etag)

    # --- writing ----------------------------------------------------------------------------------

    @contextmanager
    def _change(self) -> Iterator[Change]:
        with self._writing() as connection:
            yield Change(
                partial(self._find, connection),
                partial(self._write, connection),
                partial(self._take_out, connection),
            )

    def _refuse_missing(self, persona_id: str) -> None:
        self.get(persona_id)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that no other change can interrupt."""
        with _available():
            self._begin()
            with self._database.write() as connection:
                _number(connection, lock=True)
                yield connection

    def _write(  # the change, and the connection that it uses
        self,
        connection: Connection,
        persona: Persona,
        text: str,
        *,
        before: AnyStoredPersona | None,
        action: Action,
        saving: Saving,
    ) -> StoredPersona:
        del before  # its revision exists already
        entry = StoredPersona(persona, text, etag_of(text.encode()))
        self._put_row(connection, entry)
        self._record(connection, [entry], action=action, saving=saving)
        return entry

    def _take_out(self, connection: Connection, persona: StoredPersona, *, saving: Saving) -> None:
        self._set(connection, persona.id, deleted=True)
        self._record(connection, [persona], action="deleted", saving=saving)

    def _put_row(self, connection: Connection, persona: StoredPersona) -> None:
        number = _count_up(connection)
        values = {"text": persona.text, "etag": persona.etag, "deleted": False, "change": number}
        replaced = connection.execute(update(personas).where(personas.c.id == persona.id).values(values))
        if not replaced.rowcount:
            connection.execute(insert(personas).values(id=persona.id, **values))

    def _record(
        self, connection: Connection, changed: Sequence[StoredPersona], *, action: Action, saving: Saving
    ) -> None:
        self._revisions.record_many(
            connection,
            [Recording(each.id, each.persona.name, each.text, each.etag, action, saving) for each in changed],
        )

    def _begin(self) -> None:
        """Insert the first personas if nobody has done so; that counts as the first change."""
        if self._begun or self._beginning is None:
            return
        with self._database.read() as connection:
            is_new = _number(connection) == 0
        if is_new:
            first = self._beginning()  # read before others have to wait
            with self._database.write() as connection:
                if _number(connection, lock=True) == 0:
                    self._put_in(connection, first)
        self._begun = True

    def _put_in(self, connection: Connection, first: Sequence[StoredPersona]) -> None:
        number = _count_up(connection)
        rows: list[dict[str, Any]] = [
            {"id": each.id, "text": each.text, "etag": each.etag, "deleted": False, "change": number}
            for each in first
        ]
        if rows:
            connection.execute(insert(personas), rows)
        self._record(connection, first, action="created", saving=_BEGINNING)
        if self._with_the_first:
            self._with_the_first(connection, first)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, DatabaseDamaged) as error:
        raise StoreUnavailable(str(error), hint=error.hint, advice=error.advice) from None


def _number(connection: Connection, *, lock: bool = False) -> int:
    """The number of the last change; 0 if there was none. With the lock, it stays the last one."""
    query = select(persona_changes.c.number).where(_is_the_counter)
    number: int = connection.execute(query.with_for_update() if lock else query).scalar_one()
    return number


def _count_up(connection: Connection) -> int:
    counted = update(persona_changes).where(_is_the_counter).values(number=persona_changes.c.number + 1)
    number: int = connection.execute(counted.returning(persona_changes.c.number)).scalar_one()
    return number


def _read(persona_id: str, text: str, etag: str) -> AnyStoredPersona:
    return read_persona(f"{persona_id}{SUFFIX}", text.encode(), digest=etag, signature=_NO_SIGNATURE)
