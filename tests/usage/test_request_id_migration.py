"""Calls of before their requests were noted stay as they are; files of cards have their tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, insert, inspect, select

from personachat.database import schema
from personachat.database.connection import Database
from personachat.usage.tables import usage_calls
from tests.postgres import fresh_database

BEGAN = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def test_old_calls_are_kept_and_have_no_request(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0020")
    tables = MetaData()
    tables.reflect(engine, only=["usage_calls"])
    moment = BEGAN.replace(tzinfo=None) if engine.dialect.name == "sqlite" else BEGAN
    row = {
        "id": "c1",
        "began_at": moment,
        "owner": "o",
        "purpose": "chat",
        "outcome": "finished",
        "estimated": False,
        "migrated": False,
        "prompt_tokens": 12,
        "cost_usd": 0.5,
    }
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["usage_calls"]).values(row))
    engine.dispose()
    with closing(Database(url)) as database:
        with database.read() as connection:
            (found,) = connection.execute(select(usage_calls)).mappings()
            names = inspect(connection).get_table_names()
        assert found["request_id"] is None
        assert {name: found[name] for name in row} == row | {"began_at": BEGAN}
        assert {"persona_assets", "persona_asset_sets"} <= set(names)
