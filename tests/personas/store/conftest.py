"""Persona stores of every kind, each with its history; each test has empty ones of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from sqlalchemy import update

from personachat.database.connection import Database
from personachat.personas.store.base import PersonaStore
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.sql import SqlPersonaStore
from personachat.personas.store.tables import persona_changes, personas
from tests.migrated import migrated_postgres, put_database_in

Kind: TypeAlias = Literal["files", "sqlite", "postgres"]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{put_database_in(tmp_path / 'data')}"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with migrated_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as made:
        yield made


class Replicas:
    """Servers that share one place of personas, none of them knowing of the others."""

    def __init__(self, kind: Kind, url: str, folder: Path, closers: ExitStack) -> None:
        self.kind = kind
        self._url = url
        self._folder = folder
        self._closers = closers

    def database(self) -> Database:
        return self._closers.enter_context(closing(Database(self._url)))

    def open(self, *, most: int | None = None) -> tuple[PersonaStore, SqlRevisions]:
        """One more server's store and its history."""
        database = self.database()
        place = "folder" if self.kind == "files" else ""
        revisions = SqlRevisions(database, place=place, most=most)
        if self.kind == "files":
            return RecordedFiles(self._folder, revisions, database), revisions
        return SqlPersonaStore(database, revisions), revisions

    def spoil(self, persona_id: str, text: str) -> None:
        """Put a text where a persona is saved, past the store: by hand, or by another version."""
        if self.kind == "files":
            (self._folder / f"{persona_id}.json").write_text(text, encoding="utf-8")
            return
        with self.database().write() as connection:
            counted = update(persona_changes).values(number=persona_changes.c.number + 1)
            number = connection.execute(counted.returning(persona_changes.c.number)).scalar_one()
            values = {"text": text, "etag": "spoilt", "change": number}
            connection.execute(update(personas).where(personas.c.id == persona_id).values(values))


@pytest.fixture(params=["files", "sqlite", "postgres"])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    url = request.getfixturevalue("postgres_url" if request.param == "postgres" else "sqlite_url")
    with ExitStack() as closers:
        yield Replicas(request.param, url, tmp_path / "personas", closers)
