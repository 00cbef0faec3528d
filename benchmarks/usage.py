"""How long the sums of a page take among a million calls of models, on SQLite and on PostgreSQL.

Run `uv run python -m benchmarks.usage [--calls 1000000] [--days 365] [--zone Europe/Berlin] [--sqlite]
[--postgres]`; without a choice both databases are measured. The calls are those of the last days up to now,
so that today's are among them. It prints a Markdown table of medians and 95th percentiles in milliseconds:
one line a chart, and one for all that a page asks when it opens; `--opening` measures only that. PostgreSQL
is a server of its own, started for the run. Databases are in a temporary folder and go with it.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.ui.insights.failing import NUMBERS as FAILED
from personachat.ui.insights.figures import NUMBERS as FIGURES
from personachat.ui.insights.spending import NUMBERS as SPENT
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.tables import usage_calls
from tests.postgres import fresh_database

MIGRATION: Any = importlib.import_module("personachat.database.migrations.versions.0009_usage")
REPETITIONS = 15
NOW = datetime.now(UTC)
PEOPLE, PERSONAS, REVISIONS_DAYS = 60, 40, 30
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4", "llama3:8b", "mistral-large")
HOURS = (*[1] * 6, 2, 5, 20, 40, 45, 40, 25, 40, 45, 40, 30, 15, 8, 6, 5, 4, 2, 1)
"""How many calls begin in an hour of the day, UTC."""

OPENING = "what the page asks when it opens"
Case = tuple[str, Callable[[], object]]


def rows(count: int, days: int, people: People) -> Iterator[dict[str, Any]]:
    """Calls as a team makes them: in the day's hours, each person mostly with their few personas."""
    chance = random.Random(18)
    owners = [people.hash_of(owner) for owner in (LOCAL_OWNER, *(f"user:{n}" for n in range(PEOPLE - 1)))]
    weights = list(accumulate(1 / (n + 1) ** 0.7 for n in range(PEOPLE)))
    begins = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    hours = list(accumulate(HOURS))
    for _ in range(count):
        person = chance.choices(range(PEOPLE), cum_weights=weights)[0]
        persona = (person * 7 + min(int(chance.expovariate(0.8)), 5)) % PERSONAS
        day = chance.randrange(days)
        hour = chance.choices(range(24), cum_weights=hours)[0]
        began_at = begins + timedelta(days=day, hours=hour, seconds=chance.random() * 3600)
        if began_at > NOW:
            began_at -= timedelta(days=days)
        failed = chance.random() < 0.02
        stopped = not failed and chance.random() < 0.05
        yield {
            "id": uuid.UUID(int=chance.getrandbits(128)).hex,
            "began_at": began_at,
            "first_token_ms": None if failed else int(chance.lognormvariate(6.3, 0.6)),
            "duration_ms": int(chance.lognormvariate(8.5, 0.7)),
            "owner": owners[person],
            "purpose": chance.choices(("chat", "summary", "try_out"), (90, 7, 3))[0],
            "surface": chance.choices(("page", "api", "v1_chat"), (80, 10, 10))[0],
            "persona_id": f"persona-{persona}",
            "persona_revision": f"{persona}-{day // REVISIONS_DAYS}",
            "provider": "openai",
            "model": MODELS[persona % len(MODELS)],
            "model_asked": MODELS[persona % len(MODELS)],
            "prompt_tokens": None if failed else chance.randrange(200, 6000),
            "completion_tokens": None if failed else chance.randrange(5, 900),
            "cached_tokens": None,
            "reasoning_tokens": None,
            "estimated": stopped,
            "cost_usd": None if failed else chance.random() / 100,
            "outcome": "failed" if failed else "stopped" if stopped else "finished",
            "finish_reason": None if failed else "stopped" if stopped else "stop",
            "error_code": chance.choice(("rate_limited", "idle_timeout")) if failed else None,
            "comparison_id": None,
            "retries": 0,
            "conversation_id": None,
            "turn_id": None,
            "process_id": None,
            "migrated": False,
            "request_id": None,
        }


def fill(database: Database, count: int, days: int, zone: ZoneInfo) -> None:
    """Rows first, then their sums as migration and server make them of what is there."""
    made = rows(count, days, People(database))
    with database.write() as connection:
        for index in usage_calls.indexes:
            index.drop(connection)
    while some := list(islice(made, 20_000)):
        with database.write() as connection:
            _insert(connection, some) if database.is_sqlite else _copy(connection, some)
    with database.write() as connection:
        for index in usage_calls.indexes:
            index.create(connection)
    with database.write() as connection, Operations.context(MigrationContext.configure(connection)):
        MIGRATION._fill_sums()  # noqa: SLF001  # the step that is measured
    # Somebody asks by this zone.
    UsageReader(database, People(database), owner=LOCAL_OWNER).summed(question(zone, 1), ("day",))
    closing = Closing(database)
    while closing.close_some(50):
        pass
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")


def _insert(connection: Connection, some: list[dict[str, Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    marks = ", ".join("?" for _ in some[0])
    for row in some:
        row["began_at"] = row["began_at"].replace(tzinfo=None).isoformat(" ", "microseconds")
    driver.executemany(
        f"INSERT INTO usage_calls ({', '.join(some[0])}) VALUES ({marks})",
        [tuple(row.values()) for row in some],
    )


def _copy(connection: Connection, some: list[dict[str, Any]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY usage_calls ({', '.join(some[0])}) FROM STDIN") as copy:
        for row in some:
            copy.write_row(tuple(row.values()))


def question(zone: ZoneInfo, days: int, *, before: int = 0, **filters: Any) -> UsageQuery:
    """The last days, or as many before those."""
    last = NOW.astimezone(zone).date() - timedelta(days=before)
    return UsageQuery(zone=zone, since=last - timedelta(days=days - 1), until=last, **filters)


def cases(database: Database, zone: ZoneInfo) -> Iterator[Case]:
    ask = partial(question, zone)
    usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
    mine = UsageReader(database, People(database), owner="user:3")
    for days in (7, 30, 90, 365):
        asked = ask(days)
        span = f"{days} days"
        charts: dict[str, Callable[[], object]] = {
            "figures": partial(usage.total, asked),
            "figures of the time before": partial(usage.total, ask(days, before=days)),
            "by day and model": partial(usage.summed, asked, ("day", "model")),
            "by persona": partial(usage.summed, asked, ("persona",)),
            "by purpose": partial(usage.summed, asked, ("purpose",)),
            "by person": partial(usage.summed, asked, ("person",)),
            "by error and model": partial(usage.summed, asked, ("error", "model")),
            "times by day and model": partial(usage.speeds, asked, ("day", "model")),
        }
        for name, chart in charts.items():
            yield f"{span}: {name}", chart
        yield f"{span}: all of these", partial(_all, tuple(charts.values()))
        page = (
            partial(usage.summed, asked, ("day", "outcome"), numbers=FIGURES),
            partial(usage.summed, ask(days, before=days), ("day", "outcome"), numbers=FIGURES),
            partial(usage.summed, asked, ("day", "persona"), numbers=SPENT),
            partial(usage.speeds_by, asked, [("model",), ("day",)], times=["first_token_ms"]),
            partial(usage.summed, ask(days, outcome="failed"), ("error", "model"), numbers=FAILED),
        )
        yield f"{span}: {OPENING}", partial(_all, page)
        one = ask(days, persona="persona-7")
        yield f"{span}: one persona by day", partial(usage.summed, one, ("day",))
        yield f"{span}: one persona by revision", partial(usage.summed, one, ("revision",))
        yield f"{span}: one persona's times by day", partial(usage.speeds, one, ("day", "model"))
        yield f"{span}: one's own times by day", partial(mine.speeds, asked, ("day", "model"))
        yield f"{span}: one's own by day and model", partial(mine.summed, asked, ("day", "model"))
    yield "a page of 100 rows", lambda: usage.calls(ask(30), limit=100)
    yield "a page of 100 rows of one's own", lambda: mine.calls(ask(30), limit=100)


def _all(charts: tuple[Callable[[], object], ...]) -> None:
    for chart in charts:
        chart()


def measured(call: Callable[[], object]) -> tuple[float, float, float]:
    """Median, 95th percentile, and this process's own time on the processor, in milliseconds."""
    times = []
    busy = time.process_time()
    for _ in range(REPETITIONS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    busy = (time.process_time() - busy) * 1000 / REPETITIONS
    return statistics.median(times), sorted(times)[int(len(times) * 0.95)], busy


def report(name: str, database: Database, given: argparse.Namespace) -> None:
    count, days, zone = given.calls, given.days, ZoneInfo(given.zone)
    began = time.perf_counter()
    fill(database, count, days, zone)
    seconds = time.perf_counter() - began
    print(f"\n{name}: {count:,} calls in {days} days, {zone.key}, written in {seconds:.0f} s\n", flush=True)
    gc.freeze()  # as the server does once it has started
    print("| sums | median ms | 95 % ms | processor ms |\n|---|---:|---:|---:|")
    for case, call in cases(database, zone):
        if given.opening and OPENING not in case:
            continue
        median, high, busy = measured(call)
        print(f"| {case} | {median:.1f} | {high:.1f} | {busy:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--zone", default="Europe/Berlin")
    parser.add_argument("--opening", action="store_true")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    both = given.sqlite == given.postgres
    if given.sqlite or both:
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{Path(folder) / 'usage.sqlite3'}")
            report("SQLite", database, given)
            database.close()
    if given.postgres or both:
        with fresh_database() as url:
            database = Database(url, silent_seconds=600)  # to fill it takes a while
            report("PostgreSQL", database, given)
            database.close()


if __name__ == "__main__":
    main()
