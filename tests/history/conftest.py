"""A library on every database, and ways to say something in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from personachat.database.connection import Database
from personachat.history.library import ConversationLibrary
from personachat.owners import LOCAL_OWNER
from tests.history.talk import Talk
from tests.migrated import migrated_postgres, put_database_in


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one, of each kind."""
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{put_database_in(tmp_path)}")
        yield opened
        opened.close()
        return
    with migrated_postgres() as url:
        opened = Database(url)
        yield opened
        opened.close()


@pytest.fixture
def talk(database: Database) -> Talk:
    return Talk(database)


@pytest.fixture
def library(database: Database) -> ConversationLibrary:
    return ConversationLibrary(database, owner=LOCAL_OWNER)
