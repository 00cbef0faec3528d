"""Where suites are stored: a file beside the persona, or a row where personas are in the database.

Every version that was saved, or that a run met, is a row of `test_suites`. A file may be edited by hand at
any time and is what counts. Saving is optimistic: with an etag, only over that very version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy import text as text_of_sql

from personachat.database.connection import Database
from personachat.errors import (
    PersonaInvalid,
    PersonaNotFound,
    Problem,
    SuiteChanged,
    SuiteInvalid,
    SuiteNotFound,
)
from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.stored_suite import (
    SUFFIX,
    StoredSuite,
    for_persona,
    line_of_persona,
    stored_suite,
)
from personachat.lab.testing_tables import sampled_replies, test_runs, test_suites
from personachat.personas.fields import is_persona_id
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import MOST_AUTHOR_CHARACTERS, BrokenPersona, StoredPersona
from personachat.personas.store.folder import (
    UnreadableFile,
    available,
    locked,
    read_file,
    remove_file,
    replace_file,
)
from personachat.personas.store.persona_file import etag_of
from personachat.personas.store.revisions import place_of
from personachat.personas.store.seeding import SHIPPED
from personachat.settings import Settings
from personachat.stamps import now

MOST_BYTES = 1024 * 1024

_LOCK_KEY = 0x50435F_73756974  # of PostgreSQL's advisory lock: any number, as long as it stays

_s = test_suites.c


@dataclass(frozen=True, slots=True)
class SuiteRevision:
    """One saved version; its number counts from 1 in each persona."""

    number: int
    etag: str
    author: str
    deleted: bool
    saved_at: datetime
    text: str


class SuiteStore:
    """Safe for threads and processes. Methods raise StoreUnavailable and what the database raises."""

    def __init__(self, database: Database, *, place: str, folder: Path | None) -> None:
        """`folder` has the files; None where suites are rows."""
        self.database = database
        self.place = place
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings, database: Database) -> SuiteStore:
        """Beside the personas, wherever the settings have them."""
        in_files = settings.persona_store == "files"
        return cls(database, place=place_of(settings), folder=settings.personas_dir if in_files else None)

    def find(self, persona_id: str) -> StoredSuite | None:
        """The persona's suite, whole or not; None where it has none."""
        text = self._text(_checked(persona_id))
        return None if text is None else stored_suite(persona_id, text)

    def get(self, persona_id: str) -> StoredSuite:
        """Raises SuiteNotFound."""
        suite = self.find(persona_id)
        if suite is None:
            raise SuiteNotFound(
                f'The persona "{persona_id}" has no tests.', hint="Write a suite on the Tests page."
            )
        return suite

    def ids(self) -> tuple[str, ...]:
        """The personas that have suites, by id."""
        if self._folder:
            with available(self._folder):
                names = [path.name for path in self._folder.glob(f"*{SUFFIX}")]
            return tuple(sorted(name for each in names if is_persona_id(name := each.removesuffix(SUFFIX))))
        newest = select(_s.persona_id, func.max(_s.number).label("number")).where(_s.place == self.place)
        last = newest.group_by(_s.persona_id).subquery().c
        query = select(_s.persona_id).where(
            _s.place == self.place, _s.persona_id == last.persona_id, _s.number == last.number, ~_s.deleted
        )
        with self.database.read() as connection:
            return tuple(sorted(connection.scalars(query)))

    def etags(self, persona_ids: Collection[str]) -> dict[str, str]:
        """The etags of these personas' suites; those without one are left out."""
        if self._folder:
            texts = ((each, self._text(each)) for each in persona_ids)
            return {each: etag_of(text.encode("utf-8")) for each, text in texts if text is not None}
        newest = select(_s.persona_id, func.max(_s.number).label("number"))
        newest = newest.where(_s.place == self.place, _s.persona_id.in_(persona_ids))
        last = newest.group_by(_s.persona_id).subquery().c
        query = select(_s.persona_id, _s.etag).where(
            _s.place == self.place, _s.persona_id == last.persona_id, _s.number == last.number, ~_s.deleted
        )
        with self.database.read() as connection:
            return {row.persona_id: row.etag for row in connection.execute(query)}

    def save(self, persona_id: str, text: str, *, etag: str | None = None, author: str = "") -> StoredSuite:
        """Create or replace. With an etag only over that version; "" means that there is none yet.

        Raises SuiteInvalid and SuiteChanged.
        """
        suite = parse_suite(text)
        if suite.persona != _checked(persona_id):
            message = f'The suite is for "{suite.persona}"; write persona: {persona_id}.'
            raise SuiteInvalid([Problem(message, line_of_persona(text), 1, ("persona",))])
        return self.put(persona_id, text, etag=etag, author=author)

    def put(self, persona_id: str, text: str, *, etag: str | None = None, author: str = "") -> StoredSuite:
        """As `save`, for a text that may have problems. Raises SuiteChanged."""
        _checked(persona_id)
        if self._folder:
            with locked(self._folder), available(self._folder):
                self._check(persona_id, self._text(persona_id), etag)
                replace_file(self._path(persona_id), text.encode("utf-8"))
                with self.database.write() as connection:  # in the lock: the last version is the file's
                    self._record(connection, persona_id, text, author=author)
        else:
            with self.database.write() as connection:
                _lock(connection)
                self._check(persona_id, self._row_text(connection, persona_id), etag)
                self._record(connection, persona_id, text, author=author)
        return stored_suite(persona_id, text)

    def delete(self, persona_id: str, *, etag: str | None = None, author: str = "") -> StoredSuite:
        """Remove and return it; its revisions stay. Raises SuiteNotFound and SuiteChanged."""
        stored_suite = self.get(persona_id)
        if self._folder:
            with locked(self._folder), available(self._folder):
                self._check(persona_id, self._text(persona_id), etag)
                remove_file(self._path(persona_id))
        with self.database.write() as connection:
            _lock(connection)
            if not self._folder:
                self._check(persona_id, self._row_text(connection, persona_id), etag)
            self._record(connection, persona_id, stored_suite.text, author=author, deleted=True)
        return stored_suite

    def bring_back(self, persona_id: str, *, deleted_since: datetime, author: str = "") -> None:
        """Undo a deletion of this moment or later; if there is another suite, it stays."""
        last = next(iter(self.revisions(persona_id)), None)
        if last and last.deleted and last.saved_at >= deleted_since and self.find(persona_id) is None:
            self.put(persona_id, last.text, author=author)

    def begin_with(self, connection: Connection, personas: Sequence[StoredPersona], folder: Path) -> None:
        """Have the suites of the personas that a database begins with, from beside their files."""
        source = folder if any((folder / f"{each.id}.json").exists() for each in personas) else SHIPPED
        for each in personas:
            try:
                text = (source / f"{each.id}{SUFFIX}").read_bytes()[:MOST_BYTES].decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            self._record(connection, each.id, text, author="")

    def give_shipped(self, personas: Iterable[StoredPersona | BrokenPersona]) -> tuple[str, ...]:
        """Have the suites of personas that came before suites did, where they still are as shipped.

        Where there ever was a suite, nothing is given: whoever deleted one doesn't get it again. With files
        nothing is given either, since a file that isn't there may have been deleted. Returns their ids.
        """
        if self._folder:
            return ()
        shipped = {each.id for each in personas if isinstance(each, StoredPersona) and _is_shipped(each)}
        if not shipped:
            return ()
        ever = select(_s.persona_id).where(_s.place == self.place, _s.persona_id.in_(shipped)).distinct()
        ids = []
        with self.database.write() as connection:
            _lock(connection)
            for persona_id in sorted(shipped - set(connection.scalars(ever))):
                source = SHIPPED / f"{persona_id}{SUFFIX}"
                if source.is_file():
                    self._record(connection, persona_id, source.read_text("utf-8"), author="")
                    ids.append(persona_id)
        return tuple(ids)

    def note(self, stored_suite: StoredSuite) -> None:
        """Have a version as a revision that somebody wrote by hand, once a run has met it."""
        with self.database.write() as connection:
            self._record(connection, stored_suite.persona_id, stored_suite.text, author="")

    def revisions(self, persona_id: str) -> tuple[SuiteRevision, ...]:
        """The newest first."""
        query = select(test_suites).where(_s.place == self.place, _s.persona_id == persona_id)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(_s.number.desc())).all()
        return tuple(
            SuiteRevision(row.number, row.etag, row.author, row.deleted, row.saved_at, row.text)
            for row in rows
        )

    def move_persona(self, connection: Connection, old_id: str, new_id: str) -> None:
        """Have the suite, its revisions and its runs under another id, as part of a persona's renaming."""
        for table in (test_suites, test_runs, sampled_replies):
            there = table.c.place == self.place
            if table is test_suites:
                connection.execute(delete(table).where(there, table.c.persona_id == new_id))
            connection.execute(
                update(table).where(there, table.c.persona_id == old_id).values(persona_id=new_id)
            )
        text = self._row_text(connection, new_id) if self._folder is None else self._text(old_id)
        if text is None:
            return
        renamed = for_persona(text, new_id)
        if self._folder:  # whoever renames holds the folder's lock
            with available(self._folder):
                replace_file(self._path(new_id), renamed.encode("utf-8"))
                remove_file(self._path(old_id))
        self._record(connection, new_id, renamed, author="")

    def _path(self, persona_id: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{persona_id}{SUFFIX}"

    def _text(self, persona_id: str) -> str | None:
        if self._folder is None:
            with self.database.read() as connection:
                return self._row_text(connection, persona_id)
        try:
            content = read_file(self._path(persona_id), most_bytes=MOST_BYTES)
        except FileNotFoundError:
            return None
        except UnreadableFile as error:
            return f"# {self._path(persona_id).name} {error}."
        return content[:MOST_BYTES].decode("utf-8", "replace")

    def _row_text(self, connection: Connection, persona_id: str) -> str | None:
        query = select(_s.text, _s.deleted).where(_s.place == self.place, _s.persona_id == persona_id)
        query = query.order_by(_s.number.desc()).limit(1)
        row = connection.execute(query).one_or_none()
        return None if row is None or row.deleted else str(row.text)

    @staticmethod
    def _check(persona_id: str, text: str | None, etag: str | None) -> None:
        current = "" if text is None else etag_of(text.encode("utf-8"))
        if etag is not None and etag != current:
            raise SuiteChanged(
                f'The tests of "{persona_id}" were changed in the meantime. Nothing was saved.',
                hint="Reload them, then make your change again.",
            )

    def _record(
        self, connection: Connection, persona_id: str, text: str, *, author: str, deleted: bool = False
    ) -> None:
        _lock(connection)
        query = select(_s.number, _s.etag, _s.deleted).where(
            _s.place == self.place, _s.persona_id == persona_id
        )
        last = connection.execute(query.order_by(_s.number.desc()).limit(1)).one_or_none()
        etag = etag_of(text.encode("utf-8"))
        if last and (last.etag, last.deleted) == (etag, deleted):
            return
        row = {
            "place": self.place,
            "persona_id": persona_id,
            "number": last.number + 1 if last else 1,
            "etag": etag,
            "text": text,
            "author": author[:MOST_AUTHOR_CHARACTERS],
            "deleted": deleted,
            "saved_at": now(),
        }
        connection.execute(insert(test_suites).values(row))


def _lock(connection: Connection) -> None:
    """Until the transaction ends, nobody else looks which version is the last one and adds another."""
    if connection.dialect.name == "postgresql":  # with SQLite there is one writer anyway
        connection.execute(text_of_sql("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _is_shipped(entry: StoredPersona) -> bool:
    """Whether a persona says what the shipped one of this id does, however its text is laid out."""
    try:
        return parse_persona((SHIPPED / f"{entry.id}.json").read_text("utf-8")) == entry.persona
    except (OSError, UnicodeDecodeError, PersonaInvalid):
        return False


def _checked(persona_id: str) -> str:
    """Raises PersonaNotFound for what cannot be an id, so that no path is made of it."""
    if not is_persona_id(persona_id):
        raise PersonaNotFound("There is no such persona.")
    return persona_id
