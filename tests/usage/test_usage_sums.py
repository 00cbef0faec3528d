"""Page, API, command line and SQL add the same rows up to the same sums, whatever the time zone."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event, func, select

from personachat.cli.usage import _csv as written
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.services import Services, build_services
from personachat.settings import load_settings
from personachat.stamps import new_id
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.records import SqlUsage
from personachat.usage.tables import usage_calls
from tests.api.conftest import served
from tests.cli.conftest import COMMAND
from tests.network_guard import guarded
from tests.postgres import (
    fresh_database,
    postgres_url,  # noqa: F401  # a fixture
)
from tests.usage.calls import call as usage_call
from tests.usage.calls import keep

SINCE, UNTIL = date(2026, 3, 1), date(2026, 4, 15)
"""Summer time begins in between, in Europe as in America."""

OWNERS = (LOCAL_OWNER, "token:" + "3" * 32, "user:" + "a" * 64)
ROWS = 5_000


def random_row(chance: random.Random, people: People) -> dict[str, Any]:
    """A call of any kind; every number is null sometimes."""

    def perhaps(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    began = datetime(2026, 2, 25, tzinfo=UTC) + timedelta(seconds=chance.randrange(55 * 86_400))
    outcome = chance.choice(["finished"] * 6 + ["stopped", "failed", "interrupted", "running"])
    return {
        "id": new_id(),
        "began_at": began + timedelta(microseconds=chance.randrange(1_000_000)),
        "first_token_ms": perhaps(chance.randrange(20_000)),
        "duration_ms": perhaps(chance.randrange(600_000)),
        "owner": people.hash_of(chance.choice(OWNERS)),
        "purpose": chance.choice(["chat", "chat", "try_out", "summary", "drafting"]),
        "surface": perhaps(chance.choice(["page", "api", "mcp", "cli"])),
        "persona_id": perhaps(chance.choice(["socratic", "Ünï-codé", "it's", "100%"])),
        "persona_revision": perhaps(chance.choice(["e1", "e2"])),
        "provider": "openai",
        "model": perhaps(chance.choice(["gpt-4o", "=cmd()", "llama3:8b"])),
        "model_asked": "gpt-4o",
        "prompt_tokens": perhaps(chance.randrange(100_000)),
        "completion_tokens": perhaps(chance.randrange(4_000)),
        "cached_tokens": perhaps(0),
        "reasoning_tokens": perhaps(chance.randrange(500)),
        "estimated": chance.random() < 0.2,
        "cost_usd": perhaps(chance.choice([0.0, chance.random() / 7])),
        "outcome": outcome,
        "finish_reason": "stop" if outcome == "finished" else None,
        "error_code": "rate_limited" if outcome == "failed" else None,
        "comparison_id": None,
        "retries": chance.choice([0, 0, 1, 2]),
        "conversation_id": None,
        "turn_id": None,
        "process_id": "",
        "migrated": False,
        "request_id": None,
    }


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services whose ledger has 5,000 random rows; those that are running are of this very process."""
    folder = tmp_path_factory.mktemp("usage")
    folders = {"personas_dir": folder / "personas", "data_dir": folder / "data"}
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database()) if request.param == "postgres" else None
        services = build_services(load_settings(**folders, database_url=url))
        stack.callback(services.close)
        chance = random.Random(18)
        mine = {"process_id": services.checkpoints.process_id}
        rows = [random_row(chance, services.people) | mine for _ in range(ROWS)]
        records = SqlUsage(services.database, services.people)
        for at in range(0, ROWS, 500):
            records.write(rows[at : at + 500], owners=set(OWNERS), **mine)
        yield services


NAMES = {
    "calls": "calls",
    "promptTokens": "prompt_tokens",
    "completionTokens": "completion_tokens",
    "cachedTokens": "cached_tokens",
    "reasoningTokens": "reasoning_tokens",
    "costUsd": "cost_usd",
    "retries": "retries",
}
Sums = dict[tuple[Any, ...], dict[str, float | None]]


def by_sql(services: Services, by: tuple[str, ...], zone: str) -> Sums:
    """What plain SQL says: a query for each day where there are days, so that it knows nothing of offsets."""
    columns = [usage_calls.c[GROUPS[name]] for name in by if name != "day"]
    numbers = [func.count(), *(func.sum(usage_calls.c[name]) for name in list(NAMES.values())[1:])]
    found: Sums = {}
    there = ZoneInfo(zone)
    spans = [(day, day) for day in every_day()] if "day" in by else [(SINCE, UNTIL)]
    with services.database.read() as connection:
        for first, last in spans:
            since = datetime.combine(first, datetime.min.time(), there).astimezone(UTC)
            until = datetime.combine(last + timedelta(days=1), datetime.min.time(), there).astimezone(UTC)
            within = (usage_calls.c.began_at >= since) & (usage_calls.c.began_at < until)
            for row in connection.execute(select(*columns, *numbers).where(within).group_by(*columns)):
                keys = iter(row[: len(columns)])
                key = tuple(first.isoformat() if name == "day" else next(keys) for name in by)
                numbers_of = dict(zip(NAMES, map(plain, row[len(columns) :]), strict=True))
                if numbers_of["calls"]:
                    found[key] = numbers_of
    return found


def plain(number: Any) -> float | None:
    return None if number is None else float(number)


def every_day() -> Iterator[date]:
    day = SINCE
    while day <= UNTIL:
        yield day
        day += timedelta(days=1)


def same(one: Sums, other: Sums) -> bool:
    assert one.keys() == other.keys()
    for key, numbers in one.items():
        for name, number in numbers.items():
            against = other[key][name]
            assert (number is None) == (against is None), (key, name)
            assert number is None or against is None or math.isclose(number, against, rel_tol=1e-9), (
                key,
                name,
            )
    return True


def by_api(client: Any, by: tuple[str, ...], zone: str, **filters: str) -> Sums:
    asked = {"by": ",".join(by), "timezone": zone, "since": str(SINCE), "until": str(UNTIL), **filters}
    answer = client.get("/usage", params=asked).raise_for_status().json()
    return {
        tuple(group["key"][name] for name in by): {name: group[name] for name in NAMES}
        for group in answer["groups"]
    }


def by_page(services: Services, by: tuple[str, ...], zone: str) -> Sums:
    question = UsageQuery(zone=ZoneInfo(zone), since=SINCE, until=UNTIL)
    return {
        each.key: {
            name: each.calls
            if column == "calls"
            else each.cost_usd
            if column == "cost_usd"
            else each.total(column)
            for name, column in NAMES.items()
        }
        for each in services.of(LOCAL_OWNER).usage.summed(question, by)
    }


def by_command(services: Services, by: tuple[str, ...], zone: str) -> Sums:
    span = ["--since", str(SINCE), "--until", str(UNTIL), "--timezone", zone, "--format", "json"]
    told = json.loads(command(services, "--by", ",".join(by), *span))
    people = {name: key for key, name in local_names(services).items()}
    return {
        tuple(people[group[name]] if name == "person" else group[name] for name in by): {
            name: group[column] for name, column in NAMES.items()
        }
        for group in told["groups"]
    }


def local_names(services: Services) -> Mapping[str, str]:
    return services.of(LOCAL_OWNER).usage.names()


def command(services: Services, *arguments: str) -> str:
    settings = services.settings
    environment = {"PERSONACHAT_DATA_DIR": str(settings.data_dir), "PYTHONUTF8": "1", "PATH": ""} | guarded()
    if settings.database_url:
        environment["DATABASE_URL"] = settings.database_url.get_secret_value()
    done = subprocess.run(
        [*COMMAND, "usage", *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_page_api_command_line_and_sql_give_the_same_sums(filled: Services) -> None:
    asked: list[tuple[tuple[str, ...], str]] = [
        (("day",), "UTC"),
        (("day", "model"), "Europe/Berlin"),
        (("day",), "America/New_York"),
        (("day",), "Asia/Kathmandu"),
        (("day",), "Pacific/Kiritimati"),
        (("persona", "purpose"), "Pacific/Pago_Pago"),
        (("person", "revision", "outcome"), "UTC"),
        (("surface", "error", "reason", "provider", "asked"), "UTC"),
    ]
    with served(filled) as client:
        for by, zone in asked:
            expected = by_sql(filled, by, zone)
            assert same(by_api(client, by, zone), expected)
            assert same(by_page(filled, by, zone), expected)
        closing = Closing(filled.database)
        while closing.close_some(50):
            pass  # whatever is kept of days that are over, it makes no difference
        for by, zone in asked:
            assert same(by_page(filled, by, zone), by_sql(filled, by, zone))
        for by, zone in asked[1:2] + asked[6:7]:
            assert same(by_command(filled, by, zone), by_sql(filled, by, zone))
        whole = {"timezone": "Europe/Berlin", "since": str(SINCE), "until": str(UNTIL)}
        total = client.get("/usage", params=whole).json()["total"]
        assert same({(): {name: total[name] for name in NAMES}}, by_sql(filled, (), "Europe/Berlin"))


SPEEDS = {
    f"{name}_{share}": (name, share)
    for name in ("first_token_ms", "duration_ms", "tokens_per_second")
    for share in ("p50", "p95")
}
WIRE = {"first_token_ms": "firstTokenMs", "duration_ms": "durationMs", "tokens_per_second": "tokensPerSecond"}


@pytest.mark.parametrize("by", [("model",), ("day", "person")])
def test_page_api_and_command_line_give_the_same_percentiles(filled: Services, by: tuple[str, ...]) -> None:
    zone = "Asia/Kathmandu"
    question = UsageQuery(zone=ZoneInfo(zone), since=SINCE, until=UNTIL)
    page = {each.key: each for each in filled.of(LOCAL_OWNER).usage.speeds(question, by)}
    expected = {
        key: {name: getattr(dict(each.times())[time], share) for name, (time, share) in SPEEDS.items()}
        for key, each in page.items()
    }
    span = {"since": str(SINCE), "until": str(UNTIL), "timezone": zone}
    with served(filled) as client:
        answer = client.get("/usage", params={"by": ",".join(by), **span}).raise_for_status().json()
    assert {
        tuple(group["key"][name] for name in by): {
            name: group[WIRE[time]][share] for name, (time, share) in SPEEDS.items()
        }
        for group in answer["groups"]
    } == expected
    (whole,) = filled.of(LOCAL_OWNER).usage.speeds(question, ())
    assert answer["total"]["firstTokenMs"] == {
        "calls": whole.first_token_ms.calls,
        "p50": whole.first_token_ms.p50,
        "p95": whole.first_token_ms.p95,
    }
    options = [part for name, value in span.items() for part in (f"--{name}", value)]
    told = json.loads(command(filled, "--by", ",".join(by), *options, "--format", "json"))
    people = {name: key for key, name in local_names(filled).items()}
    assert {
        tuple(people[group[name]] if name == "person" else group[name] for name in by): {
            name: group[name] for name in SPEEDS
        }
        for group in told["groups"]
    } == expected
    assert told["total"]["duration_ms_p95"] == whole.duration_ms.p95
    assert (whole.tokens_per_second.p50 or 0) > (whole.tokens_per_second.p95 or 0) > 0


def test_rows_come_page_by_page_each_once_and_add_up(filled: Services) -> None:
    with served(filled) as client:
        asked: dict[str, Any] = {
            "since": str(SINCE),
            "until": str(UNTIL),
            "timezone": "Asia/Tokyo",
            "limit": 1000,
        }
        calls: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = client.get("/usage", params=asked | ({"cursor": cursor} if cursor else {})).json()
            calls += page["calls"]
            cursor = page["nextCursor"]
        assert len({call["id"] for call in calls}) == len(calls) == page["total"]["calls"]
        assert [call["beganAt"] for call in calls] == sorted((c["beganAt"] for c in calls), reverse=True)
        costs = [call["costUsd"] for call in calls if call["costUsd"] is not None]
        assert math.isclose(math.fsum(costs), page["total"]["costUsd"], rel_tol=1e-9)
        assert page["total"]["costKnownCalls"] == len(costs)


def test_a_filter_takes_exactly_what_it_names(filled: Services) -> None:
    with served(filled) as client:
        everything = by_api(client, ("persona", "model"), "UTC")
        some = by_api(client, ("persona", "model"), "UTC", persona="it's", model="=cmd()")
        assert same(some, {("it's", "=cmd()"): everything["it's", "=cmd()"]})
        assert by_api(client, ("persona",), "UTC", persona="100") == {}


def test_calls_of_a_clock_that_was_wrong_break_no_sum(database: Database) -> None:
    moments = (datetime(1970, 1, 5, 12, tzinfo=UTC), datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
    keep(database, *(usage_call(database, moment) for moment in (*moments, datetime(2037, 7, 1, tzinfo=UTC))))
    usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
    question = UsageQuery(zone=ZoneInfo("Europe/Berlin"))
    found = usage.measured(question, ("day",))
    assert [(each.key[0], each.calls, speed.duration_ms.calls) for each, speed in found] == [
        ("1970-01-05", 1, 1),
        ("2026-03-29", 1, 1),
        ("2037-07-01", 1, 1),
    ]


@pytest.mark.parametrize("name", ["=1+1", "\n=1+1", "＝1+1", "＠SUM(1)", "\t-2"])  # noqa: RUF001  # the character that is meant
def test_no_name_in_what_the_command_writes_is_a_formula(name: str) -> None:
    (line,) = csv.DictReader(io.StringIO(written(["model"], [{"model": name}]), newline=""))
    assert line["model"].startswith("'")
    assert not re.search(r"[\n;]\s*[=＝]", line["model"])  # noqa: RUF001  # the character that is meant


def test_without_statistics_running_calls_are_found_without_reading_the_others(
    sqlite_database: Database,
) -> None:
    """SQLite takes the index of the days otherwise, and nobody makes statistics there."""
    usage = UsageReader(sqlite_database, People(sqlite_database), owner=OWNERS[1])
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "usage_calls" in statement:
            asked.append((statement, parameters))

    question = UsageQuery(zone=ZoneInfo("UTC"), since=SINCE, until=UNTIL, persona="socratic")
    event.listen(Engine, "before_cursor_execute", note)
    try:
        usage.total(question)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert asked
    with sqlite_database.read() as connection:
        for statement, parameters in asked:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            assert "ix_usage_calls_running" in plan, statement


def test_everyone_sees_their_own_and_who_administers_sees_all(filled: Services) -> None:
    question = UsageQuery(zone=ZoneInfo("UTC"))
    hashes = {owner: filled.people.hash_of(owner) for owner in OWNERS}
    views = {owner: filled.of(owner).usage for owner in OWNERS}
    counts = {owner: view.total(question).calls for owner, view in views.items()}
    assert counts[LOCAL_OWNER] == ROWS
    by_person = {each.key[0]: each.calls for each in views[LOCAL_OWNER].summed(question, ("person",))}
    for owner in OWNERS[1:]:
        assert counts[owner] == by_person[hashes[owner]] > 0
        assert {call["owner"] for call in views[owner].calls(question, limit=50).calls} == {hashes[owner]}
        others = UsageQuery(zone=ZoneInfo("UTC"), person=hashes[LOCAL_OWNER])
        assert views[owner].total(others).calls == 0
        assert views[owner].calls(others, limit=50).calls == ()
        assert set(views[owner].names()) == {hashes[owner]}


def test_the_command_writes_csv_that_no_spreadsheet_runs(filled: Services) -> None:
    lines = list(csv.DictReader(io.StringIO(command(filled, "--by", "model", "--format", "csv"))))
    assert "'=cmd()" in {line["model"] for line in lines}
    rows = command(filled, "--rows", "--format", "csv", "--since", str(SINCE), "--until", str(SINCE))
    assert {row["outcome"] for row in csv.DictReader(io.StringIO(rows))} <= {
        *("finished", "stopped", "failed", "interrupted", "running")
    }
    table = command(filled, "--by", "day", "--since", str(SINCE), "--timezone", "UTC")
    assert table.split()[:4] == ["day", "calls", "prompt", "tokens"]


@contextmanager
def asked_of(services: Services) -> Iterator[Any]:
    with served(services) as client:
        yield lambda **params: client.get("/usage", params=params)


def test_what_cannot_be_asked_is_refused_in_a_sentence(services: Services) -> None:
    with asked_of(services) as ask:
        for wrong in (
            {"by": "colour"},
            {"timezone": "Mars/Olympus"},
            {"since": "yesterday"},
            {"since": "2026-02-02", "until": "2026-02-01"},
            {"cursor": "nonsense"},
            {"limit": "0"},
        ):
            answer = ask(**wrong)
            assert answer.status_code == 422, wrong
            assert answer.json()["detail"]
        empty = ask(by="day,persona").json()
        assert (empty["groups"], empty["total"]["calls"], empty["total"]["costUsd"]) == ([], 0, None)
        assert empty["total"]["firstTokenMs"] == {"calls": 0, "p50": None, "p95": None}
        assert (
            ask(since="0001-01-01", until="9999-12-31", timezone="Pacific/Kiritimati", by="day").json()[
                "groups"
            ]
            == []
        )


def test_the_sums_of_many_writers_at_once_lose_nothing(postgres_url: str) -> None:  # noqa: F811  # a fixture
    first, second = Database(postgres_url), Database(postgres_url)
    try:

        def write(database: Database) -> None:
            people = People(database)
            records, chance = SqlUsage(database, people), random.Random(1)
            for _ in range(20):
                rows = [random_row(chance, people) | {"outcome": "finished"} for _ in range(20)]
                records.write(rows, owners=set(OWNERS), process_id="p" * 32)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(write, (first, second)))
        usage = UsageReader(first, People(first), owner=LOCAL_OWNER)
        assert usage.total(UsageQuery(zone=ZoneInfo("UTC"))).calls == 800
        counts: dict[str, int] = defaultdict(int)
        for each in usage.summed(UsageQuery(zone=ZoneInfo("UTC")), ("person",)):
            counts[str(each.key[0])] += each.calls
        assert len(counts) == len(OWNERS)
    finally:
        first.close()
        second.close()
