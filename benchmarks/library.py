"""How long finding, listing and opening take among a million turns, on SQLite and on PostgreSQL.

Run `uv run python -m benchmarks.library [--turns 1000000] [--sqlite] [--postgres]`; without a choice both are
measured. It prints a Markdown table of medians and 95th percentiles in milliseconds. PostgreSQL is a
server of its own, started for the run. Databases are in a temporary folder and go with it.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from benchmarks.population import RARE_WORD, SMALL_OWNER, Population, word
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.owners import LOCAL_OWNER
from tests.postgres import fresh_database

REPETITIONS = 30

Case = tuple[str, Callable[[], object]]


def cases(database: Database, population: Population) -> Iterator[Case]:
    """What is measured. Words change from one repetition to the next."""
    library = ConversationLibrary(database, owner=LOCAL_OWNER)
    small = ConversationLibrary(database, owner=SMALL_OWNER)
    store = SqlConversations(database)
    common = cycle(word(rank) for rank in range(2, 12))
    middling = cycle(word(rank) for rank in range(300, 340))
    seldom = cycle(word(rank) for rank in range(20_000, 20_040))
    yield "search: rare word", lambda: library.search(RARE_WORD)
    yield "search: seldom word", lambda: library.search(f'"{next(seldom)}"')
    yield "search: middling word", lambda: library.search(f'"{next(middling)}"')
    yield "search: common word", lambda: library.search(f'"{next(common)}"')
    yield "search: two words", lambda: library.search(f'{next(common)} "{next(middling)}"')
    yield "search: two seldom words", lambda: library.search(f'{next(seldom)} "{next(seldom)}"')
    yield "search: phrase", lambda: library.search(f'"{next(common)} {next(common)}"')
    yield "search: prefix of 2 letters", lambda: library.search(next(common)[:2])
    yield "search: prefix of 4 letters", lambda: library.search(next(seldom)[:4])
    yield "search: no hit", lambda: library.search("unheardof")
    yield "search: common word, rare model", lambda: library.search(next(common), Filters(model="o9-preview"))
    yield "search: common word, rated down", lambda: library.search(next(common), Filters(rating=-1))
    yield "search: common word, archived", lambda: library.search(next(common), Filters(archived=True))
    yield "search: common word, small owner", lambda: small.search(next(common))
    yield "search: rare word, small owner", lambda: small.search(RARE_WORD)
    yield "search: part of a text without spaces", lambda: library.search("東京")
    yield "list: sidebar (30)", library.list
    second = library.list().next_cursor
    yield "list: second page", lambda: library.list(cursor=second)
    yield "list: pinned", library.pinned
    yield "list: one persona", lambda: library.list(Filters(persona_id="persona-9"))
    yield "list: common model", lambda: library.list(Filters(model="claude-sonnet"))
    yield "list: rare model", lambda: library.list(Filters(model="o9-preview"))
    yield "list: rated down", lambda: library.list(Filters(rating=-1))
    yield "list: unknown model", lambda: library.list(Filters(model="none"))
    yield "list: names of models", library.models
    yield "list: names of personas", library.personas
    marks = population.marks
    yield "open: 20 turns", lambda: store.get(LOCAL_OWNER, marks.short_id, last=70)
    yield "open: 2,000 turns", lambda: store.get(LOCAL_OWNER, marks.long_id, last=70)
    yield "export: 20 turns", lambda: library.export([marks.short_id], "json")
    yield "export: 2,000 turns", lambda: library.export([marks.long_id], "json")


def measured(action: Callable[[], object]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds, after one run to warm up."""
    action()
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


@contextmanager
def databases(*, sqlite: bool, postgres: bool) -> Iterator[dict[str, Database]]:
    with tempfile.TemporaryDirectory() as folder, fresh_database() as url:
        found: dict[str, Database] = {}
        if sqlite:
            found["SQLite"] = Database(f"sqlite:///{Path(folder) / 'benchmark.sqlite3'}")
        if postgres:
            found["PostgreSQL"] = Database(url)
        try:
            yield found
        finally:
            for database in found.values():
                database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the library among many conversations.")
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    both = options.sqlite == options.postgres
    table: dict[str, list[str]] = {}
    with databases(sqlite=options.sqlite or both, postgres=options.postgres or both) as measured_ones:
        for name, database in measured_ones.items():
            start = time.perf_counter()
            population = Population(options.turns)
            population.fill(database)
            print(f"{name}: filled in {time.perf_counter() - start:.0f} s", flush=True)
            for title, action in cases(database, population):
                median, high = measured(action)
                table.setdefault(title, []).append(f"{median:.1f} | {high:.1f}")
        names = list(measured_ones)
    print(
        f"\n{options.turns:,} turns; {platform.machine()}, Python {platform.python_version()}; milliseconds\n"
    )
    print("| | " + " | ".join(f"{name} median | p95" for name in names) + " |")
    print("|---" + "|---:|---:" * len(names) + "|")
    for title, numbers in table.items():
        print(f"| {title} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
