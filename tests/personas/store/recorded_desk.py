"""A folder of personas with its history, for tests: what is written, looked at and recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions

ROOT = Path(__file__).parents[3]


class Unsteady(Database):
    """A database that can be made to fail; it counts how often it was wanted while it did."""

    is_down = False
    failures = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._answer()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._answer()
        with super().write() as connection:
            yield connection

    def _answer(self) -> None:
        if self.is_down:
            self.failures += 1
            raise DatabaseUnavailable("The database cannot be used now.")


class Desk:
    """A folder of personas with its history, and the hands of somebody who edits it without asking."""

    def __init__(self, folder: Path, database: Unsteady) -> None:
        self.folder = folder
        self.database = database
        self.revisions = SqlRevisions(database, place="here")
        self.store = RecordedFiles(folder, self.revisions, database)

    def restarted(self) -> Desk:
        """The same as another process, or a later start, sees it."""
        return Desk(self.folder, self.database)

    def path(self, persona_id: str) -> Path:
        return self.folder / f"{persona_id}.json"

    def write(self, persona_id: str, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self.path(persona_id).write_bytes(text.encode())

    def history(self, persona_id: str) -> list[tuple[int, str]]:
        """Numbers and actions, oldest first."""
        return [(each.number, each.action) for each in reversed(self.revisions.of(persona_id))]

    def text(self, persona_id: str) -> str:
        """What the newest revision holds."""
        return self.revisions.get(persona_id, self.revisions.of(persona_id)[0].number).text
