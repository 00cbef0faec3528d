"""Unsaved texts of personas, kept for their owners until they are saved or discarded.

An owner has one open draft per persona. Every change of it has a number and must be based on the last change,
so that the second of two writers learns about the first. A discarded draft can be restored until it is
purged.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.messages import storable
from personachat.personas.store.tables import persona_drafts, persona_undos

ASIDE_LIFETIME = timedelta(days=30)
MOST_ASIDE = 50
"""Per owner; above that, the oldest are dropped."""

MOST_NAME_CHARACTERS = 300

_DELETION_MARK_LIFETIME = timedelta(days=1)
"""As long as sessions that have a vanished draft open still know its number."""

_OPEN = ""
_MOST_CHANGES = 1_000

_d = persona_drafts.c


@dataclass(frozen=True, slots=True)
class DraftText:
    """An unsaved text; `base_text` and `etag` are the version it is based on, None for a new persona."""

    text: str
    base_text: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """A stored draft. `draft` is None if it was saved or discarded."""

    persona_id: str
    draft: DraftText | None
    version: int
    writer: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class DiscardedDraft:
    """A discarded draft: the id by which `take_back` restores it, and the persona's name."""

    aside: str
    persona_id: str
    name: str
    discarded_at: datetime


@dataclass(frozen=True, slots=True)
class DraftHead:
    """The newest change of a draft: its number, the session that made it, and when."""

    version: int
    writer: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class DraftList:
    """An owner's drafts, without their texts."""

    heads: dict[str, DraftHead]
    """The newest change of each draft by persona id, including drafts that vanished recently."""
    discarded: tuple[DiscardedDraft, ...]
    """Discarded drafts, latest first."""


class PersonaDrafts:
    """The drafts for one place of personas. Safe for threads and processes.

    Methods raise DatabaseUnavailable and DatabaseDamaged.
    """

    def __init__(self, database: Database, *, place: str) -> None:
        self._database = database
        self._place = place

    def all_of(self, owner: str) -> DraftList:
        """An owner's drafts, without their texts."""
        query = select(_d.persona_id, _d.aside, _d.name, _d.version, _d.writer, _d.changed_at)
        query = query.where(_d.owner == owner, _d.place == self._place).order_by(_d.changed_at.desc())
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return DraftList(
            {row.persona_id: _head(row) for row in rows if row.aside == _OPEN},
            tuple(_discarded(row) for row in rows if row.aside != _OPEN),
        )

    def heads(self, owner: str) -> dict[str, DraftHead]:
        """The newest change of each draft by persona id, including drafts that vanished recently."""
        return self.all_of(owner).heads

    def get(self, owner: str, ids: Collection[str]) -> dict[str, KeptDraft]:
        """Those of these drafts that exist, by persona id."""
        query = select(persona_drafts).where(*self._open(owner), _d.persona_id.in_(ids))
        with self._database.read() as connection:
            return {row.persona_id: _draft(row) for row in connection.execute(query)}

    def put(
        self, owner: str, persona_id: str, draft: DraftText | None, *, version: int, writer: str
    ) -> tuple[int, KeptDraft | None]:
        """Write a draft over change number `version` (0: none), or None once it is saved or discarded.

        Returns its new number. If someone else has changed it since, returns 0 and what they wrote.
        """
        with self._database.write() as connection:
            there = self._locked(connection, owner, persona_id)
            if there.draft and there.version != version and there.draft != draft:
                return 0, there
            number = max(version, there.version) + 1
            row = self._row(owner, persona_id, draft, moment=self._database.moment(connection))
            here = (*self._open(owner), _d.persona_id == persona_id)
            values = row | {"version": number, "writer": writer}
            connection.execute(update(persona_drafts).where(*here).values(**values))
        return number, None

    def set_aside(self, owner: str, persona_id: str, draft: DraftText, *, name: str) -> str:
        """Keep a discarded text; returns the id by which `take_back` restores it."""
        aside = secrets.token_hex(8)
        with self._database.write() as connection:
            row = self._row(owner, persona_id, draft, moment=self._database.moment(connection))
            row |= {"aside": aside, "version": 1, "writer": "", "name": storable(name)[:MOST_NAME_CHARACTERS]}
            connection.execute(insert(persona_drafts).values(**row))
            names = select(_d.aside).where(*self._asides(owner)).order_by(_d.changed_at.desc())
            for old in connection.scalars(names.offset(MOST_ASIDE)).all():
                connection.execute(delete(persona_drafts).where(_d.owner == owner, _d.aside == old))
        return aside

    def asides(self, owner: str) -> tuple[DiscardedDraft, ...]:
        """Discarded drafts, latest first."""
        return self.all_of(owner).discarded

    def take_back(self, owner: str, aside: str) -> KeptDraft | None:
        """Remove a discarded draft and return it so that it can be opened again; None if it is gone."""
        here = (*self._asides(owner), _d.aside == aside)
        with self._database.write() as connection:
            row = connection.execute(select(persona_drafts).where(*here)).one_or_none()
            connection.execute(delete(persona_drafts).where(*here))
        return _draft(row) if row else None

    def changed_since(
        self, connection: Connection, moment: datetime
    ) -> tuple[tuple[str, str, datetime], ...]:
        """Owner, persona id and time of what changed at `moment` or later, for every owner."""
        query = select(_d.owner, _d.persona_id, _d.changed_at)
        query = query.where(_d.place == self._place, _d.aside == _OPEN, _d.changed_at >= moment)
        rows = connection.execute(query.order_by(_d.changed_at.desc()).limit(_MOST_CHANGES))
        return tuple((row.owner, row.persona_id, row.changed_at) for row in rows)

    def _locked(self, connection: Connection, owner: str, persona_id: str) -> KeptDraft:
        """The open draft, locked for this transaction; if there is none, one that has vanished."""
        row = self._row(owner, persona_id, None, moment=self._database.moment(connection))
        first = row | {"aside": _OPEN, "version": 0, "writer": ""}
        put(connection, persona_drafts, first, key=("owner", "place", "persona_id", "aside"))
        query = select(persona_drafts).where(*self._open(owner), _d.persona_id == persona_id)
        return _draft(connection.execute(query.with_for_update()).one())

    def _row(
        self, owner: str, persona_id: str, draft: DraftText | None, *, moment: datetime
    ) -> dict[str, Any]:
        return {
            "owner": owner,
            "place": self._place,
            "persona_id": persona_id,
            "text": storable(draft.text) if draft else None,
            "base_text": storable(draft.base_text) if draft else "",
            "etag": draft.etag if draft else None,
            "changed_at": moment,
        }

    def _open(self, owner: str) -> tuple[Any, ...]:
        return _d.owner == owner, _d.place == self._place, _d.aside == _OPEN

    def _asides(self, owner: str) -> tuple[Any, ...]:
        return _d.owner == owner, _d.place == self._place, _d.aside != _OPEN


def purge_drafts(database: Database) -> int:
    """Permanently remove what was discarded long ago, of every owner; returns the number of rows."""
    with database.write() as connection:
        moment = database.moment(connection)
        old = (_d.aside != _OPEN) & (_d.changed_at < moment - ASIDE_LIFETIME)
        expired = (_d.aside == _OPEN) & _d.text.is_(None) & (_d.changed_at < moment - _DELETION_MARK_LIFETIME)
        count = connection.execute(delete(persona_drafts).where(old | expired)).rowcount
        connection.execute(delete(persona_undos).where(persona_undos.c.created_at < moment - ASIDE_LIFETIME))
    return count


def _head(row: Any) -> DraftHead:
    return DraftHead(row.version, row.writer, row.changed_at)


def _discarded(row: Any) -> DiscardedDraft:
    return DiscardedDraft(row.aside, row.persona_id, row.name, row.changed_at)


def _draft(row: Any) -> KeptDraft:
    draft = None if row.text is None else DraftText(row.text, row.base_text, row.etag)
    return KeptDraft(row.persona_id, draft, row.version, row.writer, row.changed_at)
