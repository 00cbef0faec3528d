"""The history of personas: every saved version of each, numbered from 1, whoever saved it and where.

Numbers have no gaps and are never used again; pruning only removes old revisions. A deletion is a revision
too. The newest text is stored as it is. A large earlier one becomes its difference from the next one, and
every LANDMARK-th is complete but compressed. So reading an old one takes few steps, and none depends on older
ones.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, true, tuple_, update

from personachat.database.connection import Database
from personachat.errors import RevisionNotFound
from personachat.jsontext.faults import excerpt
from personachat.personas.store.base import (
    MOST_AUTHOR_CHARACTERS,
    MOST_NOTE_CHARACTERS,
    PLAIN_SAVE,
    Action,
    Revision,
    Saving,
)
from personachat.personas.store.id_in_text import Renaming
from personachat.personas.store.packing import compressed, decompressed, difference, older
from personachat.personas.store.renaming import Move, end_redirects, move_rows
from personachat.personas.store.tables import persona_labels, persona_revisions
from personachat.settings import Settings

_r = persona_revisions.c
_HEAD = [column for column in _r if column.name not in {"place", "text", "packing", "packed", "newest"}]
_CONTENT = (_r.text, _r.packing, _r.packed)
_AT_ONCE = 300
"""Ids in one statement; SQLite allows at least a thousand parameters."""

PACKED_FROM = 4_000
"""Characters; a shorter text isn't packed, as most aren't."""

LANDMARK = 32

MOST_PACKED_AT_ONCE = 4

_WHOLE, _COMPRESSED, _DIFFERENCE = "", "zlib", "older"
_TO_BE_PACKED = (_r.packing == _WHOLE, func.length(_r.text) >= PACKED_FROM)


@dataclass(frozen=True, slots=True)
class Recording:
    """A version that will become a revision."""

    persona_id: str
    name: str
    text: str
    etag: str
    action: Action
    saving: Saving = PLAIN_SAVE


@dataclass(frozen=True, slots=True)
class Latest:
    """What a store needs of a persona's newest revision."""

    number: int
    etag: str
    deleted: bool


class SqlRevisions:
    """The Revisions of one place: a folder of files, or the database's own personas ("")."""

    def __init__(self, database: Database, *, place: str, most: int | None = None) -> None:
        self._database = database
        self._place = place
        self._most = most

    @property
    def place(self) -> str:
        return self._place

    def of(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        query = self._select(*_HEAD).where(_r.persona_id == persona_id)
        if before is not None:
            query = query.where(_r.number < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_r.number.desc()).limit(limit)).all()
        return tuple(_revision(row) for row in rows)

    def get(self, persona_id: str, number: int) -> Revision:
        query = self._select(*_HEAD).where(_r.persona_id == persona_id, _r.number == number)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            text = self._text(connection, persona_id, number) if row else None
        if row is None or text is None:
            raise RevisionNotFound(
                f'Revision {number} of "{excerpt(persona_id)}" doesn\'t exist or was deleted.',
                hint="See its list of revisions.",
            )
        return Revision(**row._mapping, text=text)  # noqa: SLF001  # the driver's public name for it

    def numbers(self, spoken: frozenset[tuple[str, str]]) -> dict[tuple[str, str], int]:
        numbers: dict[tuple[str, str], int] = {}
        for some in _batches(sorted(spoken)):
            query = (
                self._select(_r.persona_id, _r.etag, func.max(_r.number).label("number"))
                .where(_r.persona_id.in_({one for one, _ in some}), _r.etag.in_({etag for _, etag in some}))
                .where(_r.action != "deleted")
                .group_by(_r.persona_id, _r.etag)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            numbers |= {(row.persona_id, row.etag): row.number for row in rows}
        return {pair: number for pair, number in numbers.items() if pair in spoken}

    def deleted(self, *, limit: int = 50) -> tuple[Revision, ...]:
        query = self._select(*_HEAD).where(_r.newest == true(), _r.action == "deleted")
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_r.saved_at.desc(), _r.persona_id).limit(limit)).all()
        return tuple(_revision(row) for row in rows)

    def count_deleted(self) -> int:
        query = self._select(func.count()).where(_r.newest == true(), _r.action == "deleted")
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def newest(self, ids: Sequence[str] | None = None) -> dict[str, datetime]:
        query = self._select(_r.persona_id, _r.saved_at).where(_r.newest == true(), _r.action != "deleted")
        newest_by_persona: dict[str, datetime] = {}
        with self._database.read() as connection:
            for some in [None] if ids is None else list(_batches(ids)):
                limited_query = query if some is None else query.where(_r.persona_id.in_(some))
                newest_by_persona |= {
                    row.persona_id: row.saved_at for row in connection.execute(limited_query)
                }
        return newest_by_persona

    # --- for the stores ---------------------------------------------------------------------------

    def latest(self, connection: Connection, ids: Sequence[str] | None = None) -> dict[str, Latest]:
        """The newest revision of these personas, or of all."""
        query = self._select(_r.persona_id, _r.number, _r.etag, _r.action).where(_r.newest == true())
        latest_by_persona: dict[str, Latest] = {}
        for some in [None] if ids is None else list(_batches(ids)):
            rows = connection.execute(query if some is None else query.where(_r.persona_id.in_(some)))
            latest_by_persona |= {
                row.persona_id: Latest(row.number, row.etag, row.action == "deleted") for row in rows
            }
        return latest_by_persona

    def record_many(self, connection: Connection, recordings: Sequence[Recording]) -> list[int]:
        """Add revisions of different personas in a few statements; returns their numbers.

        A text that the newest revision already has adds none.
        """
        ids = [each.persona_id for each in recordings if each.action != "deleted"]
        latest = self.latest(connection, [each.persona_id for each in recordings])
        moment = self._database.moment(connection) if recordings else datetime.now(UTC)
        numbers, rows = [], []
        for each in recordings:
            before = latest.get(each.persona_id)
            if before and not before.deleted and before.etag == each.etag and each.action != "deleted":
                numbers.append(before.number)
                continue
            number = before.number + 1 if before else 1
            numbers.append(number)
            rows.append(self._row(each, number, moment))
        for some in _batches([row["persona_id"] for row in rows if row["number"] > 1]):
            connection.execute(
                update(persona_revisions)
                .where(_r.place == self._place, _r.newest == true(), _r.persona_id.in_(some))
                .values(newest=False)
            )
        if rows:
            connection.execute(insert(persona_revisions), rows)
        if new := [each for each in ids if each not in latest or latest[each].deleted]:
            end_redirects(connection, new, place=self._place)
        self._pack_before(connection, rows)
        if self._most is not None:
            self._prune(connection, rows, self._most)
        return numbers

    def rename(
        self, connection: Connection, renaming: Renaming, *, saving: Saving, also: Sequence[Move] = ()
    ) -> None:
        """Move a persona's history, and everything stored about it, to its new id, and record that."""
        before, after = renaming.before, renaming.after
        self.record_many(
            connection, [Recording(before.id, before.persona.name, before.text, before.etag, "found")]
        )
        moment = self._database.moment(connection)
        move_rows(connection, renaming, place=self._place, moment=moment, also=also)
        noted = Saving(saving.author, saving.note or f"Renamed from {before.id}")
        self.record_many(
            connection, [Recording(after.id, after.persona.name, after.text, after.etag, "renamed", noted)]
        )

    def _row(self, each: Recording, number: int, moment: datetime) -> dict[str, Any]:
        return {
            "place": self._place,
            "persona_id": each.persona_id,
            "number": number,
            "etag": each.etag,
            "name": each.name,
            "text": each.text,
            "action": each.action,
            "author": each.saving.author[:MOST_AUTHOR_CHARACTERS],
            "note": each.saving.note[:MOST_NOTE_CHARACTERS],
            "newest": True,
            "saved_at": moment,
        }

    def _text(self, connection: Connection, persona_id: str, number: int) -> str | None:
        """The text of a revision; None if it, or a text it is based on, is missing."""
        whole = self._select(func.min(_r.number)).where(
            _r.persona_id == persona_id, _r.number >= number, _r.packing != _DIFFERENCE
        )
        last = connection.execute(whole).scalar()
        if last is None:
            return None
        query = self._select(*_CONTENT).where(_r.persona_id == persona_id, _r.number.between(number, last))
        text: str | None = None
        for row in connection.execute(query.order_by(_r.number.desc())):
            if row.packing == _DIFFERENCE:
                text = None if text is None else older(row.packed, text)
            else:
                text = decompressed(row.packed) if row.packing == _COMPRESSED else row.text
        return text

    def _pack_before(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Pack the large texts that these revisions have followed."""
        after = {(row["persona_id"], row["number"] - 1): row["text"] for row in rows if row["number"] > 1}
        for some in _batches(list(after)):
            query = self._select(_r.persona_id, _r.number).where(
                tuple_(_r.persona_id, _r.number).in_(some), *_TO_BE_PACKED
            )
            for row in connection.execute(query).all():
                self._pack(connection, row.persona_id, row.number, after=after[row.persona_id, row.number])

    def _pack(self, connection: Connection, persona_id: str, number: int, *, after: str) -> None:
        """Pack a text, and a few before it that earlier versions didn't pack; `after` follows it."""
        for at in range(number, max(0, number - MOST_PACKED_AT_ONCE), -1):
            here = (_r.place == self._place, _r.persona_id == persona_id, _r.number == at)
            text = connection.execute(select(_r.text).where(*here, *_TO_BE_PACKED)).scalar()
            if text is None:
                return
            packing, packed = _DIFFERENCE, None if at % LANDMARK == 0 else difference(text, after)
            if packed is None:
                packing, packed = _COMPRESSED, compressed(text)
            values = {"text": "", "packing": packing, "packed": packed}
            connection.execute(update(persona_revisions).where(*here).values(values))
            after = text

    def _prune(self, connection: Connection, rows: Sequence[dict[str, Any]], most: int) -> None:
        """Remove old revisions, except those with a label, which are stored complete."""
        for row in rows:
            if row["number"] <= most:
                continue
            persona_id, last = row["persona_id"], row["number"] - most
            labelled = self._labelled(connection, persona_id, last)
            texts = {number: self._text(connection, persona_id, number) for number in labelled}
            here = (_r.place == self._place, _r.persona_id == persona_id)
            for number, text in texts.items():
                if text is None:
                    continue
                values = {"packing": _COMPRESSED, "packed": compressed(text), "text": ""}
                connection.execute(
                    update(persona_revisions)
                    .where(*here, _r.number == number, _r.packing == _DIFFERENCE)
                    .values(values)
                )
            connection.execute(
                delete(persona_revisions).where(*here, _r.number <= last, _r.number.not_in(labelled))
            )

    def _labelled(self, connection: Connection, persona_id: str, last: int) -> list[int]:
        """Which revisions up to that one have a label."""
        c = persona_labels.c
        query = select(c.number).where(c.place == self._place, c.persona_id == persona_id, c.number <= last)
        return sorted(set(connection.scalars(query)))

    def _select(self, *columns: Any) -> Any:
        return select(*columns).where(_r.place == self._place)


def place_of(settings: Settings) -> str:
    """An id for where these personas are. It stays the same when folder and database move together."""
    if settings.persona_store == "database":
        return ""
    folder, file = settings.personas_dir.absolute(), Database.of(settings).path
    name = f"{socket.gethostname()}:{folder}"
    if file is not None:
        with suppress(ValueError):  # on Windows they may be on two drives
            name = os.path.relpath(folder, file.parent)
    return f"files:{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _revision(row: Row[Any]) -> Revision:
    return Revision(**row._mapping)  # noqa: SLF001  # the driver's public name for it
