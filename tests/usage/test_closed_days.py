"""Days that are over are kept by less: every answer stays what it was, and a late change is in it at once."""

from __future__ import annotations

import math
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, make_url, select, text, update

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.stamps import new_id
from personachat.usage import clock_days, clocks, records
from personachat.usage import closing as closing_days
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import ME, UsageReader
from personachat.usage.records import SqlUsage, moment_of, quarter_of
from personachat.usage.speeds import Speed, Times
from personachat.usage.tables import (
    CLOSED_TABLES,
    QUARTERS_A_DAY,
    usage_calls,
    usage_clock_days,
    usage_clock_sums,
    usage_clock_times,
    usage_clocks,
    usage_closed_days,
    usage_day_times,
    usage_days,
    usage_model_days,
    usage_persona_days,
    usage_quarters,
    usage_times,
)
from tests.migrated import migrated_postgres, put_database_in
from tests.personas.store.counting import statements
from tests.postgres import fresh_database

NOW = quarter_of(datetime(2026, 4, 12, 2, 45, tzinfo=UTC))

ROWS = 250

BEGINS = datetime(2026, 3, 10, tzinfo=UTC)

TODAY = NOW // QUARTERS_A_DAY


@pytest.fixture(scope="module", autouse=True)
def _in_april() -> Iterator[None]:
    """Otherwise all days since then would be closed, too."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (records, closing_days, clock_days, clocks):
            patch.setattr(module, "this_quarter", lambda: NOW)
        yield


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def kept(
    _in_april: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Two databases with the calls of four weeks: no day is closed in the first, all are in the second."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("closed")
        path = put_database_in(folder)
        _fill(f"sqlite:///{path}")
        closed = shutil.copy(path, folder / "closed.sqlite3")
        _close(f"sqlite:///{closed}")
        yield f"sqlite:///{path}", f"sqlite:///{closed}"
    else:
        with migrated_postgres() as url:
            _fill(url)
            with fresh_database(like=str(make_url(url).database)) as closed:
                _close(closed)
                yield url, closed


def _fill(url: str) -> None:
    with closing(Database(url)) as database:
        ledger = SqlUsage(database, People(database))
        chance = random.Random(7)
        rows = [call(chance, ledger) for _ in range(ROWS)]
        ledger.write(rows, owners=set(), process_id="")


def _close(url: str) -> None:
    """By UTC and by the clocks that people asked by."""
    with closing(Database(url)) as database:
        everything(database)
        close_all(database)


@contextmanager
def _copy_of(url: str, folder: Path) -> Iterator[Database]:
    if url.startswith("sqlite"):
        path = shutil.copy(url.removeprefix("sqlite:///"), folder / "usage.sqlite3")
        with closing(Database(f"sqlite:///{path}")) as database:
            yield database
    else:
        name = str(make_url(url).database)
        with fresh_database(like=name) as copy, closing(Database(copy)) as database:
            yield database


@pytest.fixture
def database(kept: tuple[str, str], tmp_path: Path) -> Iterator[Database]:
    """None of its days is closed."""
    with _copy_of(kept[0], tmp_path) as database:
        yield database


@pytest.fixture
def closed(kept: tuple[str, str], tmp_path: Path) -> Iterator[Database]:
    """All of its days are closed."""
    with _copy_of(kept[1], tmp_path) as database:
        yield database


def call(chance: random.Random, ledger: SqlUsage, **known: Any) -> dict[str, Any]:
    def perhaps(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    outcome = chance.choice(["finished"] * 6 + ["stopped", "failed", "interrupted"])
    began = BEGINS + timedelta(seconds=chance.randrange(28 * 86_400))
    return {
        "id": new_id(),
        "began_at": began,
        "first_token_ms": perhaps(int(chance.lognormvariate(6, 1))),
        "duration_ms": perhaps(int(chance.lognormvariate(8, 1))),
        "owner": ledger.hash_of(chance.choice([LOCAL_OWNER, "user:a", "user:b"])),
        "purpose": chance.choice(["chat", "chat", "summary"]),
        "surface": chance.choice(["page", "api"]),
        "persona_id": perhaps(chance.choice(["socratic", "it's"])),
        "persona_revision": perhaps(chance.choice(["e1", "e2"])),
        "provider": "openai",
        "model": perhaps(chance.choice(["gpt-4o", "llama3:8b"])),
        "model_asked": "gpt-4o",
        "prompt_tokens": perhaps(chance.randrange(100_000)),
        "completion_tokens": perhaps(chance.randrange(4_000)),
        "cached_tokens": None,
        "reasoning_tokens": perhaps(chance.randrange(500)),
        "estimated": chance.random() < 0.2,
        "cost_usd": perhaps(chance.choice([0.0, chance.random()])),
        "outcome": outcome,
        "finish_reason": "stop" if outcome == "finished" else None,
        "error_code": "rate_limited" if outcome == "failed" else None,
        "comparison_id": None,
        "retries": chance.choice([0, 0, 1]),
        "conversation_id": None,
        "turn_id": None,
        "process_id": "",
        "migrated": False,
        "request_id": None,
        **known,
    }


def usage_of(database: Database) -> UsageReader:
    return UsageReader(database, People(database), owner=LOCAL_OWNER)


def close_all(database: Database) -> None:
    closer = Closing(database)
    while closer.close_some(50):
        pass


SINCE, UNTIL = date(2026, 3, 15), date(2026, 4, 4)

QUESTIONS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("Europe/Berlin", {}, ("day", "model")),
    ("America/Los_Angeles", {}, ("day",)),
    ("Asia/Kathmandu", {"model": "gpt-4o"}, ("day",)),
    ("Pacific/Kiritimati", {"persona": "it's"}, ("day", "persona")),
    ("America/Los_Angeles", {"surface": "api", "persona": "socratic"}, ()),
    ("Europe/Berlin", {"person": ME}, ("model",)),
    ("UTC", {}, ("persona", "revision")),
    ("Asia/Kathmandu", {}, ("person", "purpose")),
    ("UTC", {"persona": "nobody"}, ("error", "model")),
    ("UTC", {"model": "gpt-4o", "purpose": "chat"}, ("surface", "outcome")),
)
"""Each zone, filter and grouping with others: by what is kept of a day, in whole days and parts of days."""


def everything(database: Database) -> list[Any]:
    """All answers; costs are rounded, because they are added in another order."""
    usage = usage_of(database)
    found: list[Any] = []
    for number, (zone, filters, by) in enumerate(QUESTIONS):
        span: dict[str, Any] = {} if number % 3 == 1 else {"since": SINCE, "until": UNTIL}
        question = UsageQuery(zone=ZoneInfo(zone), **span, **filters)
        sums = {
            each.key: {name: round(value, 9) for name, value in each.numbers.items()}
            for each in usage.summed(question, by)
        }
        found += [sums, usage.speeds(question, by)]
    return found


def test_every_answer_is_the_same_once_days_are_closed(database: Database) -> None:
    before = everything(database)
    assert sum(map(bool, before)) > len(before) // 2
    Closing(database).close_some(15)  # some of the days that are asked about
    assert everything(database) == before
    close_all(database)
    assert everything(database) == before
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(usage_model_days)).scalar_one() > 0


@pytest.mark.parametrize(
    "by", [("persona",), ("model",), ("person", "day"), ("surface",), ("error", "revision")]
)
def test_no_question_about_closed_days_reads_their_calls(closed: Database, by: tuple[str, ...]) -> None:
    question = UsageQuery(zone=ZoneInfo("America/Los_Angeles"), since=SINCE, until=UNTIL)
    usage = usage_of(closed)
    before = usage.summed(question, by), usage.speeds(question, by)
    with closed.write() as connection:
        connection.execute(delete(usage_calls))
    assert (usage.summed(question, by), usage.speeds(question, by)) == before
    assert all(before)


def test_sums_of_closed_days_are_those_that_are_kept(closed: Database) -> None:
    with closed.write() as connection:
        for table in (usage_clock_sums, usage_model_days):
            connection.execute(update(table).values(calls=table.c.calls * 1000))
    usage, ever = usage_of(closed), UsageQuery(zone=ZoneInfo("UTC"))
    assert usage.total(ever).calls > ROWS * 500
    assert sum(each.calls for each in usage.summed(ever, ("surface",))) > ROWS * 500


@pytest.mark.parametrize(
    ("by", "filters"),
    [
        (("purpose",), {}),
        (("outcome", "day"), {}),
        (("model", "day"), {}),
        (("model",), {"model": "gpt-4o"}),
        (("error", "model"), {"outcome": "failed"}),
        (("persona", "day"), {}),
        (("person",), {}),
    ],
)
def test_a_page_reads_one_row_a_day_and_thing(
    closed: Database, by: tuple[str, ...], filters: dict[str, Any]
) -> None:
    question = UsageQuery(zone=ZoneInfo("Europe/Berlin"), since=SINCE, until=date(2026, 3, 28), **filters)
    before = usage_of(closed).summed(question, by)
    with closed.write() as connection:
        for table in (usage_model_days, usage_persona_days, usage_days):
            connection.execute(delete(table))
        if "day" in by:  # that clock is changed on the day after these
            keep = usage_quarters.c.quarter
            few = [connection.execute(select(end(keep))).scalar_one() for end in (func.min, func.max)]
            connection.execute(delete(usage_quarters).where(keep.not_in(few)))
    assert usage_of(closed).summed(question, by) == before != ()


@pytest.mark.parametrize(
    ("zone", "filters"),
    [
        ("Asia/Kathmandu", {}),
        ("America/Los_Angeles", {"model": "gpt-4o"}),
        ("Pacific/Kiritimati", {}),
        ("UTC", {}),
    ],
)
def test_a_page_reads_no_times_but_those_of_whole_days(
    closed: Database, zone: str, filters: dict[str, Any]
) -> None:
    """By any clock; one was changed on the eighth, which is not asked about."""
    question = UsageQuery(zone=ZoneInfo(zone), since=SINCE, until=UNTIL, **filters)
    before = usage_of(closed).speeds_by(question, [("model",), ("day",)])
    with closed.write() as connection:
        for table in (usage_times, usage_day_times, usage_calls):
            connection.execute(delete(table))
    assert usage_of(closed).speeds_by(question, [("model",), ("day",)]) == before
    assert all(before)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin"])
@pytest.mark.parametrize("names", [["first_token_ms"], ["tokens_per_second", "duration_ms"]])
def test_who_asks_for_some_times_gets_the_same_ones(
    database: Database, zone: str, names: Sequence[str]
) -> None:
    question = UsageQuery(zone=ZoneInfo(zone), since=SINCE, until=UNTIL)
    of_persona = replace(question, persona="socratic")
    cases = ((question, [("model",), ("day",)]), (of_persona, [("surface", "day")]))
    for asked, groupings in cases:
        for close in (0, 15, 100):  # none, some, all that are over
            Closing(database).close_some(close)
            some = usage_of(database).speeds_by(asked, groupings, times=names)
            every = usage_of(database).speeds_by(asked, groupings)
            assert some == [tuple(each for each in map(_only(names), group) if each) for group in every]
            assert all(some)


def _only(names: Sequence[str]) -> Callable[[Speed], Speed | None]:
    def of(each: Speed) -> Speed | None:
        """These times of it alone, if it has any."""
        times = {name: value if name in names else Times() for name, value in each.times()}
        return Speed(each.key, **times) if any(value.calls for value in times.values()) else None

    return of


def test_what_is_kept_of_a_year_is_read_without_what_its_kinds_say(closed: Database) -> None:
    """There are many kinds; a join makes PostgreSQL read all of them for a page that shows a few."""
    question = UsageQuery(zone=ZoneInfo("Europe/Berlin"), since=SINCE, until=UNTIL)
    with statements() as texts:
        usage_of(closed).summed(question, ("day", "persona"))
        usage_of(closed).speeds_by(question, [("model",), ("day",)])
    kept = [text for text in texts if "usage_clock_sums" in text or "usage_clock_times" in text]
    assert len(kept) == 3
    assert not [text for text in kept if "usage_kinds" in text and "usage_quarters" not in text]


def test_sums_start_no_other_processes_of_postgresql(closed: Database) -> None:
    if closed.is_sqlite:
        return
    question = UsageQuery(zone=ZoneInfo("UTC"))
    cost = usage_of(closed).read(
        question, lambda connection, _: connection.execute(text("SHOW parallel_setup_cost")).scalar_one()
    )
    assert float(cost) > 10_000
    with closed.read() as connection:  # nobody else's
        assert float(connection.execute(text("SHOW parallel_setup_cost")).scalar_one()) == 1000


def test_who_asks_for_some_numbers_gets_the_same_ones(database: Database) -> None:
    question, by = UsageQuery(zone=ZoneInfo("Asia/Kolkata"), since=SINCE, until=UNTIL), ("day", "persona")
    wanted = ("calls", "cost_usd", "cost_usd_known")
    Closing(database).close_some(15)  # some days are closed, the others are not
    some = usage_of(database).summed(question, by, numbers=wanted)
    every = usage_of(database).summed(question, by)
    assert [(each.key, tuple(each.numbers)) for each in some] == [(each.key, wanted) for each in every]
    for one, all_of_it in zip(some, every, strict=True):
        assert [one.numbers[name] for name in wanted] == pytest.approx(
            [all_of_it.numbers[name] for name in wanted]
        )


def test_a_call_that_changes_late_is_in_every_answer_at_once(closed: Database) -> None:
    database = closed
    ledger = SqlUsage(database, People(database))
    chance = random.Random(1)
    late = call(chance, ledger, began_at=datetime(2026, 4, 1, 12, tzinfo=UTC), outcome="running")
    ledger.write([late], owners=set(), process_id="")
    ended = late | {"outcome": "finished", "cost_usd": 1000.0, "first_token_ms": 86_400_000}
    ledger.write([ended], owners=set(), process_id="")
    for _ in range(2):
        day = UsageQuery(zone=ZoneInfo("UTC"), since=date(2026, 4, 1), until=date(2026, 4, 1))
        assert (usage_of(database).total(day).cost_usd or 0) > 1000
        fastest, slowest = (
            max(each.first_token_ms.p95 or 0 for each in usage_of(database).speeds(day, by))
            for by in ((), ("persona", "model", "purpose"))
        )
        assert fastest <= slowest == pytest.approx(86_400_000, rel=0.02)
        assert (
            len(usage_of(database).calls(UsageQuery(zone=ZoneInfo("UTC")), limit=2 * ROWS).calls) == ROWS + 1
        )
        close_all(database)


def test_retention_takes_kept_days_along(closed: Database) -> None:
    database = closed
    ledger = SqlUsage(database, People(database))
    ledger.forget(datetime(2026, 4, 1, 12, tzinfo=UTC))
    left = usage_of(database).total(UsageQuery(zone=ZoneInfo("UTC"))).calls
    with database.read() as connection:
        assert left == connection.execute(select(func.count()).select_from(usage_calls)).scalar_one() < ROWS
        for table in (*CLOSED_TABLES, usage_closed_days):
            oldest = connection.execute(select(func.min(table.c.day))).scalar_one()
            assert oldest == quarter_of(datetime(2026, 4, 1, tzinfo=UTC)) // 96
        kept = set(connection.execute(select(usage_clock_days.c.clock, usage_clock_days.c.day)).all())
    assert {(0, oldest), (-28, oldest), (8, oldest + 1)} <= kept
    assert not {(0, oldest - 1), (-28, oldest - 1), (8, oldest)} & kept  # they had begun before in UTC
    answers = everything(database)
    close_all(database)
    assert everything(database) == answers


def test_a_day_is_closed_three_hours_after_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqlUsage(database, People(database))
    chance = random.Random(3)
    days = [TODAY - back for back in range(4)]
    rows = [call(chance, ledger, began_at=moment_of(day * 96 + 40)) for day in days]
    ledger.write(rows, owners=set(), process_id="")

    def closed_days() -> tuple[set[int], set[int]]:
        close_all(database)
        closed = select(usage_closed_days.c.day).where(usage_closed_days.c.closed)
        by_clock = select(usage_clock_days.c.day).where(usage_clock_days.c.clock == 0)
        with database.read() as connection:
            found = [set(days) & set(connection.execute(each).scalars()) for each in (closed, by_clock)]
        return found[0], found[1]

    assert closed_days() == (set(days[2:]), set(days[2:]))
    for module in (records, closing_days, clock_days, clocks):
        monkeypatch.setattr(module, "this_quarter", lambda: NOW + 1)
    assert closed_days() == (set(days[1:]), set(days[1:]))


def test_days_are_kept_by_the_clocks_that_people_ask_by(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(zone: str) -> None:
        usage_of(database).summed(UsageQuery(zone=ZoneInfo(zone), since=SINCE, until=UNTIL), ("day",))

    def kept() -> set[int]:
        close_all(database)
        with database.read() as connection:
            return set(connection.execute(select(usage_clock_days.c.clock)).scalars())

    monkeypatch.setattr(clocks, "UNASKED_DAYS", 9)
    asked("America/New_York")
    asked("Asia/Kolkata")
    assert kept() == {0, -16, -20, 22}
    later = NOW + 96 * (clocks.UNASKED_DAYS - 1)
    for module in (records, closing_days, clock_days, clocks):
        monkeypatch.setattr(module, "this_quarter", lambda: later)
    asked("Asia/Kolkata")
    assert kept() == {0, -16, -20, 22}
    later += 96
    assert kept() == {0, 22}
    with database.read() as connection:
        for table in (usage_clock_sums, usage_clock_times, usage_clocks):
            assert set(connection.execute(select(table.c.clock)).scalars()) - {0} == {22}


def test_only_so_many_clocks_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "MOST_CLOCKS", 2)
    with database.write() as connection:
        clocks.note(connection, [4, 8, 12])
    with database.read() as connection:
        assert clocks.in_use(connection) == [0, 4, 8]


def test_a_call_of_today_in_utc_can_be_of_a_day_that_a_clock_has_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Los Angeles, yesterday ended at 7:00 in UTC and was kept at 10:00."""
    noon = TODAY * 96 + 48
    for module in (records, closing_days, clock_days, clocks):
        monkeypatch.setattr(module, "this_quarter", lambda: noon)
    ledger, chance = SqlUsage(database, People(database)), random.Random(8)
    zone, yesterday = ZoneInfo("America/Los_Angeles"), date(2026, 4, 11)
    question = UsageQuery(zone=zone, since=yesterday, until=yesterday)
    ledger.write([call(chance, ledger, began_at=moment_of(TODAY * 96 - 9))], owners=set(), process_id="")
    assert [each.calls for each in usage_of(database).summed(question, ("day",))] == [1]
    close_all(database)
    with database.read() as connection:
        assert clocks.kept_days(connection, -28, TODAY - 1, TODAY) == {TODAY - 1}
    late = call(chance, ledger, began_at=moment_of(TODAY * 96 + 20), first_token_ms=500)
    ledger.write([late], owners=set(), process_id="")
    for _ in range(2):
        assert [each.calls for each in usage_of(database).summed(question, ("day",))] == [2]
        assert [each.first_token_ms.calls for each in usage_of(database).speeds(question, ("day",))] == [2]
        close_all(database)


def test_two_that_close_at_once_keep_each_day_once(database: Database) -> None:
    first, second = Closing(database), Closing(database)
    with database.read() as connection:
        due, due_of_clocks = second._due(connection), clock_days.due(connection)
    assert first.close_some(1000) == len(due) + len(due_of_clocks) > 40
    for day in due[:3]:  # the other one looked before the first had closed them
        with second._writing() as (connection, id_of):
            second._close(connection, day, id_of)
            clock_days.keep(connection, 0, day, id_of=id_of)
    assert usage_of(database).total(UsageQuery(zone=ZoneInfo("UTC"))).calls == ROWS
    assert Closing(database).close_some(1000) == 0


@pytest.mark.parametrize("by", [("model",), ("persona",), ("day",)])
def test_a_percentile_is_that_of_the_calls_within_one_percent(closed: Database, by: tuple[str, ...]) -> None:
    database = closed
    values = defaultdict(list)
    with database.read() as connection:
        for row in connection.execute(select(usage_calls)).mappings():
            if row["first_token_ms"] is not None:
                names = {
                    "model": row["model"],
                    "persona": row["persona_id"],
                    "day": str(row["began_at"].date()),
                }
                values[names[by[0]]].append(row["first_token_ms"])
    speeds = usage_of(database).speeds(UsageQuery(zone=ZoneInfo("UTC")), by)
    assert {each.key[0]: each.first_token_ms.calls for each in speeds} == {
        key: len(each) for key, each in values.items()
    }
    for each in speeds:
        known = sorted(values[each.key[0]])
        for share, found in ((0.5, each.first_token_ms.p50), (0.95, each.first_token_ms.p95)):
            assert found == pytest.approx(known[math.ceil(share * len(known)) - 1], rel=0.0101)
