"""Stores of every kind: in memory, in SQLite, in a real PostgreSQL; each test has empty ones of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from personachat.conversations.base import ConversationStore
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from tests.migrated import migrated_postgres, put_database_in
from tests.postgres import postgres_url  # noqa: F401  # a fixture


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{put_database_in(tmp_path / 'data')}")) as database:
        yield database


@pytest.fixture
def postgres_database() -> Iterator[Database]:
    with migrated_postgres() as url, closing(Database(url)) as database:
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
