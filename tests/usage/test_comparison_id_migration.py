"""Calls of before their comparison was noted are kept, and are told as carefully as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import MetaData, create_engine, insert, select

from personachat.database import schema
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.usage.people import People, keyed_hash
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.records import quarter_of
from personachat.usage.tables import NUMBERS, QUARTERS_A_DAY, usage_calls, usage_kinds
from tests.postgres import fresh_database

BEGAN = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
ALL = UsageQuery(zone=ZoneInfo("UTC"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def test_old_calls_are_kept_and_those_of_comparisons_are_hidden_by_any_open_vote(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0025")
    tables = MetaData()
    tables.reflect(engine, only=["usage_calls", "usage_kinds", "usage_quarters", "usage_days", "usage_key"])
    moment = BEGAN.replace(tzinfo=None) if engine.dialect.name == "sqlite" else BEGAN
    quarter = quarter_of(BEGAN)
    once = dict.fromkeys(NUMBERS, 0) | {"calls": 1}
    with engine.begin() as connection:

        def add(name: str, **row: Any) -> None:
            connection.execute(insert(tables.tables[name]).values(row))

        key = connection.execute(select(tables.tables["usage_key"].c.key)).scalar_one()
        kind = {"owner": keyed_hash(key, LOCAL_OWNER), "outcome": "finished"}
        for number, purpose in enumerate(("chat", "comparison"), 1):
            call = kind | {"id": f"c{number}", "began_at": moment, "estimated": False, "migrated": False}
            add("usage_calls", **call, purpose=purpose, duration_ms=10)
            add("usage_kinds", id=number, **kind, purpose=purpose)
            add("usage_quarters", quarter=quarter, kind_id=number, **once)
            add("usage_days", day=quarter // QUARTERS_A_DAY, kind_id=number, **once)
    engine.dispose()
    with closing(Database(url)) as database:
        with database.read() as connection:
            rows = {row["id"]: row for row in connection.execute(select(usage_calls)).mappings()}
            kinds = connection.execute(select(usage_kinds.c.comparison_id)).scalars().all()
        assert rows["c1"]["comparison_id"] is rows["c2"]["comparison_id"] is None
        assert rows["c2"]["began_at"] == BEGAN
        assert kinds == [None, None]
        open_votes: list[str] = []
        reader = UsageReader(database, People(database), owner=LOCAL_OWNER, open_votes=lambda: open_votes)
        told = {each.key: each.calls for each in reader.summed(ALL, ("purpose",))}
        assert told == {("chat",): 1, ("comparison",): 1}
        open_votes.append("x" * 32)
        assert {each.key: each.calls for each in reader.summed(ALL, ("purpose",))} == {("chat",): 1}
        assert [call["id"] for call in reader.calls(ALL, limit=9).calls] == ["c1"]
        assert [each.key for each in reader.speeds(ALL, ("purpose",))] == [("chat",)]
