"""Lists of before a sending had an id: what waits is kept, those that were stopped go on."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import MetaData, create_engine, insert

from personachat.database import schema
from personachat.database.connection import Database
from personachat.lab.comparisons.store import SqlComparisons
from tests.postgres import fresh_database
from tests.spoken import OWNER

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
STATES = {"sent": None, "stopped": "stopped", "sending": "stopped"}
"""What they were, by name, and are now: the server that was sending is gone."""


def migrated(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0031")
    tables = MetaData()
    tables.reflect(engine, only=["comparisons"])
    moment = MOMENT.replace(tzinfo=None) if engine.dialect.name == "sqlite" else MOMENT
    times = {"created_at": moment, "updated_at": moment}
    with engine.begin() as connection:
        for name in STATES:
            state = None if name == "sent" else name
            kept = {"id": name, "owner": OWNER, "title": name, "blind": False, "waiting": ["Two", "Three"]}
            sent = {"list_state": state, "list_process_id": state and "p", "list_notice": state and "Why"}
            connection.execute(insert(tables.tables["comparisons"]).values(**kept, **sent, **times))
    engine.dispose()

    with closing(Database(url)) as database:
        store = SqlComparisons(database)
        for name, state in STATES.items():
            found = store.get(OWNER, name)
            assert found.list_state == state
            assert (found.waiting, found.list_sending_id) == (("Two", "Three"), "")
        assert store.get(OWNER, "stopped").list_notice == "Why"
        for name in ("stopped", "sending"):
            sending_id = store.begin_list(OWNER, name, process_id=f"new {name}")
            assert sending_id
            store.end_list(OWNER, name, state=None, sending_id="another")
            assert store.get(OWNER, name).list_sending_id == sending_id
            assert store.begin_list(OWNER, name, process_id="q") is None
            store.end_list(OWNER, name, state=None, sending_id=sending_id)
            assert store.get(OWNER, name).list_state is None


def test_old_lists_go_on_in_sqlite(tmp_path: Path) -> None:
    migrated(f"sqlite:///{tmp_path}/old.sqlite3")


def test_old_lists_go_on_in_postgresql() -> None:
    with fresh_database() as url:
        migrated(url)
