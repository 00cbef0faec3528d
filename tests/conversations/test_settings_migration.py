"""Conversations of before they had settings of their own: they have none, and take some."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import MetaData, create_engine, insert

from personachat.conversations.sql import SqlConversations
from personachat.database import schema
from personachat.database.connection import Database
from tests.postgres import fresh_database
from tests.spoken import OWNER

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def migrated(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0027")
    tables = MetaData()
    tables.reflect(engine, only=["conversations"])
    moment = MOMENT.replace(tzinfo=None) if engine.dialect.name == "sqlite" else MOMENT
    flags = dict.fromkeys(("has_own_title", "pinned", "archived"), False)
    head = {"id": "c1", "owner": OWNER, "title": "Why", "kept": True, "variables": {"user": "Zoë"}, **flags}
    with engine.begin() as connection:
        table = tables.tables["conversations"]
        connection.execute(insert(table).values(**head, created_at=moment, updated_at=moment))
    engine.dispose()

    with closing(Database(url)) as database:
        store = SqlConversations(database)
        found = store.get(OWNER, "c1")
        assert (found.title, found.variables, found.settings) == ("Why", {"user": "Zoë"}, {})
        store.adjust(OWNER, "c1", {"temperature": 0.0, "tone": ""})
        assert store.get(OWNER, "c1").settings == {"temperature": 0.0, "tone": ""}
        store.adjust(OWNER, "c1", {})
        assert store.get(OWNER, "c1").settings == {}


def test_old_conversations_take_settings_in_sqlite(tmp_path: Path) -> None:
    migrated(f"sqlite:///{tmp_path}/old.sqlite3")


def test_old_conversations_take_settings_in_postgresql() -> None:
    with fresh_database() as url:
        migrated(url)
