"""What was answered before there was a ledger is put into it once, and marked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, MetaData, create_engine, func, insert, inspect, select

from personachat.database import schema
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import ME, UsageReader
from personachat.usage.records import quarter_of
from personachat.usage.tables import (
    NOTABLE,
    NUMBERS,
    QUARTERS_A_DAY,
    usage_calls,
    usage_clock_sums,
    usage_clock_times,
    usage_closed_days,
    usage_day_times,
    usage_kinds,
    usage_quarters,
)
from tests.postgres import fresh_database

BEGAN = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
OTHER = "token:3f9c0000000000000000000000000000"
UTC_DAYS = UsageQuery(zone=ZoneInfo("UTC"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


class Past:
    """A database of a version before the ledger."""

    def __init__(self, engine: Engine, *, version: str = "0006") -> None:
        schema.migrate(engine, to=version)
        self._tables = MetaData()
        self._tables.reflect(engine)
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"

    def _moment(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=None) if self._is_sqlite else moment

    def conversation(self, conversation_id: str, owner: str, **more: Any) -> None:
        row = {
            "id": conversation_id,
            "owner": owner,
            "title": "Talk",
            "created_at": self._moment(BEGAN),
            "updated_at": self._moment(BEGAN),
            "kept": True,
            **dict.fromkeys(("has_own_title", "pinned", "archived"), False),
        }
        if more.get("deleted_at"):
            more["deleted_at"] = self._moment(more["deleted_at"])
        with self._engine.begin() as connection:
            connection.execute(insert(self._tables.tables["conversations"]).values(row | more))

    def turn(self, turn_id: str, conversation_id: str, *, at: datetime = BEGAN, **more: Any) -> None:
        row = {
            "id": turn_id,
            "conversation_id": conversation_id,
            "depth": 0,
            "role": "assistant",
            "text": "Words that stay where they are.",
            "persona_id": "tester",
            "persona_name": "Tester",
            "created_at": self._moment(at),
            "edited": False,
            **dict.fromkeys(("persona_revision", "rating_note", "reasoning", "provider", "model"), ""),
            **dict.fromkeys(("reason", "summary", "journal"), ""),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(self._tables.tables["turns"]).values(row | more))


def filled(url: str) -> None:
    engine = create_engine(url)
    past = Past(engine)
    past.conversation("c1", LOCAL_OWNER)
    past.conversation("fork", LOCAL_OWNER)
    past.conversation("gone", LOCAL_OWNER, deleted_at=BEGAN)
    past.conversation("theirs", OTHER)
    whole: dict[str, Any] = {
        "state": "finished",
        "provider": "openai",
        "model": "gpt-4o",
        "persona_revision": "etag-1",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "cost_usd": 0.5,
        "finish_reason": "stop",
        "first_token_seconds": 0.1234,
        "duration_seconds": 2.0,
        "reasoning": "Thoughts that are no number.",
    }
    past.turn("question", "c1", role="user")
    past.turn("greeting", "c1")
    past.turn("whole", "c1", **whole)
    past.turn("copy", "fork", **whole)
    past.turn("again", "fork", **whole, at=BEGAN + timedelta(minutes=15))
    past.turn("failed", "gone", state="failed", error_code="rate_limited", error={"code": "rate_limited"})
    past.turn("live", "c1", at=BEGAN + timedelta(seconds=1), state="running", process_id="p" * 32)
    past.turn("offline", "theirs", state="stopped", provider="local", model="smollm2", completion_tokens=7)
    engine.dispose()


def test_the_past_is_in_the_ledger_once_and_marked(url: str) -> None:
    filled(url)
    with closing(Database(url)) as database:
        people = People(database)
        with database.read() as connection:
            rows = {row["turn_id"]: row for row in connection.execute(select(usage_calls)).mappings()}
        assert rows.keys() == {"whole", "again", "failed", "live", "offline"}
        assert all(row["migrated"] for row in rows.values())
        whole = rows["whole"]
        assert whole["began_at"] == BEGAN
        assert whole["owner"] == people.hash_of(LOCAL_OWNER)
        assert (whole["prompt_tokens"], whole["completion_tokens"], whole["cost_usd"]) == (100, 20, 0.5)
        assert (whole["cached_tokens"], whole["reasoning_tokens"]) == (None, None)
        assert (whole["first_token_ms"], whole["duration_ms"]) == (123, 2000)
        assert (whole["persona_revision"], whole["surface"], whole["purpose"]) == ("etag-1", None, "chat")
        assert (rows["failed"]["outcome"], rows["failed"]["error_code"]) == ("failed", "rate_limited")
        assert (rows["failed"]["prompt_tokens"], rows["failed"]["cost_usd"]) == (None, None)
        assert rows["live"]["outcome"] == "interrupted"
        assert (rows["offline"]["cost_usd"], rows["offline"]["completion_tokens"]) == (0, 7)
        assert rows["offline"]["owner"] == people.hash_of(OTHER)


def test_what_insights_look_for_is_indexed_among_rows_of_the_past(url: str) -> None:
    filled(url)
    with closing(Database(url)) as database, database.read() as connection:
        found = {
            each["name"]
            for table in ("turns", "usage_calls")
            for each in inspect(connection).get_indexes(table)
        }
        notable = connection.execute(select(usage_calls.c.turn_id).where(NOTABLE)).scalars().all()
    assert {"ix_turns_rated", "ix_usage_calls_notable"} <= found
    assert notable == ["failed"]


def test_the_sums_of_the_past_are_those_of_its_rows(url: str) -> None:
    filled(url)
    with closing(Database(url)) as database:
        people = People(database)
        usage = UsageReader(database, people, owner=LOCAL_OWNER)
        total = usage.total(UTC_DAYS)
        assert (total.calls, total.total("prompt_tokens"), total.cost_usd) == (5, 200, 1.0)
        assert (total.known_count("cost_usd"), total.known_count("prompt_tokens")) == (3, 2)
        by_day = usage.summed(UTC_DAYS, ("day",))
        assert [(each.key, each.calls) for each in by_day] == [(("2026-03-01",), 4), (("2026-03-02",), 1)]
        berlin = UsageQuery(zone=ZoneInfo("Europe/Berlin"), since=date(2026, 3, 2), until=date(2026, 3, 2))
        assert usage.total(berlin).calls == 5
        mine = UsageReader(database, people, owner=OTHER)
        assert mine.total(UTC_DAYS).calls == 1
        assert list(mine.names().values()) == ["API token 3f9c"]
        assert usage.total(UsageQuery(zone=ZoneInfo("UTC"), person=ME)).calls == 4


def test_the_past_is_not_put_in_again(url: str) -> None:
    filled(url)
    for _ in range(2):
        with closing(Database(url)) as database, database.read() as connection:
            counts = [
                connection.execute(select(func.count()).select_from(table)).scalar()
                for table in (usage_calls, usage_kinds, usage_quarters)
            ]
            assert counts == [5, 4, 5]


def test_counts_that_turns_have_by_then_are_taken_over(url: str) -> None:
    engine = create_engine(url)
    past = Past(engine, version="0008")
    past.conversation("c1", LOCAL_OWNER)
    past.turn("t", "c1", state="finished", cached_tokens=3, reasoning_tokens=0)
    engine.dispose()
    with closing(Database(url)) as database, database.read() as connection:
        row = connection.execute(select(usage_calls)).mappings().one()
        assert (row["cached_tokens"], row["reasoning_tokens"], row["prompt_tokens"]) == (3, 0, None)


def test_the_past_is_the_same_once_its_days_are_closed(url: str) -> None:
    filled(url)
    with closing(Database(url)) as database:
        usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
        before = usage.summed(UTC_DAYS, ("day", "model")), usage.speeds(UTC_DAYS, ("day", "model"))
        assert Closing(database).close_some(10_000) > 0
        assert before == (usage.summed(UTC_DAYS, ("day", "model")), usage.speeds(UTC_DAYS, ("day", "model")))
        assert sum(each.calls for each in before[0]) == usage.total(UTC_DAYS).calls > 0


def test_days_that_an_earlier_version_closed_are_closed_anew(url: str) -> None:
    filled(url)
    engine = create_engine(url)
    schema.migrate(engine, to="0014")
    first = quarter_of(BEGAN) // QUARTERS_A_DAY
    with engine.begin() as connection:
        days = [{"day": day, "closed": True} for day in (first, first + 1)]
        connection.execute(insert(usage_closed_days), days)
    engine.dispose()
    with closing(Database(url)) as database:
        usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
        before = usage.speeds(UTC_DAYS, ("persona", "day"))
        assert [(each.key, each.first_token_ms.calls) for each in before] == [
            (("tester", "2026-03-01"), 1),
            (("tester", "2026-03-02"), 1),
        ]
        assert usage.total(UTC_DAYS).calls == 5
        assert Closing(database).close_some(10_000) > 1
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(usage_day_times)).scalar_one() > 1
        assert usage.speeds(UTC_DAYS, ("persona", "day")) == before
        assert usage.total(UTC_DAYS).calls == 5


def test_sums_by_one_thing_of_an_earlier_version_are_made_anew(url: str) -> None:
    filled(url)
    engine = create_engine(url)
    schema.migrate(engine, to="0027")
    old = MetaData()
    old.reflect(engine, only=["usage_group_days"])
    sums = dict.fromkeys(NUMBERS, 7)
    day = quarter_of(BEGAN) // QUARTERS_A_DAY
    with engine.begin() as connection:
        row = {"grouping": "model", "day": day, "kind_id": 1, **sums}
        connection.execute(insert(old.tables["usage_group_days"]).values(row))
        connection.execute(insert(usage_closed_days).values(day=day, closed=False))
    engine.dispose()
    with closing(Database(url)) as database:
        usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
        zone = UsageQuery(zone=ZoneInfo("Asia/Tokyo"))

        def answers() -> list[object]:
            by = ("day", "model")
            found = [usage.summed(each, by) for each in (UTC_DAYS, zone)]
            return [*found, *(usage.speeds_by(each, [by]) for each in (UTC_DAYS, zone))]

        before = answers()
        assert sum(each.calls for each in usage.summed(zone, ("day", "model"))) == 5
        assert Closing(database).close_some(10_000) > 1
        assert answers() == before
        with database.read() as connection:
            assert set(connection.execute(select(usage_clock_sums.c.clock)).scalars()) == {0, 36}
            assert set(connection.execute(select(usage_clock_times.c.clock)).scalars()) == {0, 36}
            assert "usage_group_days" not in inspect(connection).get_table_names()
