"""Stores of every kind: in memory, in SQLite, in a real PostgreSQL; each test has empty ones of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from personachat.conversations.base import ConversationStore
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from tests.postgres import (
    fresh_database,
    postgres_url,  # noqa: F401  # a fixture
)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite file with today's tables."""
    path = tmp_path_factory.mktemp("migrated") / "migrated.sqlite3"
    with closing(Database(f"sqlite:///{path}")) as database:
        database.prepare()
    return path


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """The name of an empty PostgreSQL database with today's tables."""
    with fresh_database() as url:
        with closing(Database(url)) as database:
            database.prepare()
        yield str(make_url(url).database)


@pytest.fixture
def sqlite_database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "data" / "personachat.sqlite3"
    path.parent.mkdir()
    shutil.copy(migrated_file, path)
    with closing(Database(f"sqlite:///{path}")) as database:
        yield database


@pytest.fixture
def postgres_database(migrated_postgres: str) -> Iterator[Database]:
    with fresh_database(like=migrated_postgres) as url, closing(Database(url)) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> ConversationStore:
    if request.param == "memory":
        return MemoryConversations()
    return SqlConversations(request.getfixturevalue(f"{request.param}_database"))


@pytest.fixture
def conversations(database: Database) -> SqlConversations:
    return SqlConversations(database)


@pytest.fixture
def records(database: Database) -> SqlReplies:
    return SqlReplies(database)
