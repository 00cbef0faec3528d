"""How long listing, filtering, opening and saving take among ten thousand personas, wherever they are kept.

Run `uv run python -m benchmarks.personas [--personas 10000] [--no-postgres]`. It prints a Markdown table of
medians and the slowest of the repetitions in milliseconds. PostgreSQL is a server of its own, started for the
run. Folders and databases are temporary and go with it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from benchmarks.population import word
from personachat.database.connection import Database
from personachat.personas.store.base import PersonaStore, StoredPersona
from personachat.personas.store.files import FilePersonaStore
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.sql import SqlPersonaStore
from personachat.settings import APP
from personachat.ui.personas.rows import ListFilter, filtered_rows, rows
from tests.postgres import fresh_database

REPETITIONS = 20
FIRST_REPETITIONS = 3

Case = tuple[str, int, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where personas are kept: opens the store of one more server, with its database connected."""

    name: str
    open: Callable[[], tuple[PersonaStore, SqlRevisions]]


def population(number: int) -> list[str]:
    """Texts like the shipped personas, with names and tags of their own."""
    shipped = [json.loads(path.read_text("utf-8")) for path in sorted((APP / "personas").glob("*.json"))]
    made = []
    for rank, value in zip(range(number), cycle(shipped), strict=False):
        name = f"{word(rank)} {word(rank * 7 % 3_001)}".title()
        own = {"id": f"persona-{rank}", "name": name, "tags": [*value["tags"][:2], f"tag-{rank % 40}"]}
        made.append(json.dumps(value | own, indent=2))
    return made


def places(texts: Sequence[str], closers: ExitStack, *, postgres: bool) -> Iterator[Place]:
    folder = Path(closers.enter_context(tempfile.TemporaryDirectory()))
    files = folder / "personas"
    files.mkdir()
    for text in texts:
        (files / f"{json.loads(text)['id']}.json").write_text(text, "utf-8")
    urls = {
        "Files": f"sqlite:///{folder / 'history.sqlite3'}",
        "SQLite": f"sqlite:///{folder / 'all.sqlite3'}",
    }
    if postgres:
        urls["PostgreSQL"] = closers.enter_context(fresh_database())
    for name, url in urls.items():
        closers.enter_context(closing(Database(url))).prepare()

        def opened(name: str = name, url: str = url) -> tuple[PersonaStore, SqlRevisions]:
            database = closers.enter_context(closing(Database(url)))
            database.prepare()
            revisions = SqlRevisions(database, place="", most=None)
            if name == "Files":
                return RecordedFiles(files, revisions, database), revisions
            return SqlPersonaStore(database, revisions, beginning=lambda: _stored_in(files)), revisions

        yield Place(name, opened)


def cases(place: Place, number: int) -> Iterator[Case]:
    """What is measured. Which persona is touched changes from one repetition to the next."""
    yield "very first list (all become revisions)", 1, place.open()[0].all
    fresh = (place.open()[0] for _ in count())
    yield "first list of a server", FIRST_REPETITIONS, lambda: next(fresh).all()
    (mine, revisions), (theirs, _) = place.open(), place.open()
    listed = mine.all()
    theirs.all()
    some = cycle(f"persona-{rank * 37 % number}" for rank in range(number))
    versions = count(1)

    def save(store: PersonaStore) -> None:
        stored = mine.get(next(some))
        value = json.loads(stored.text) | {"description": f"{place.name} {next(versions)}"}
        store.save(json.dumps(value, indent=2), etag=stored.etag)

    def list_after_a_save() -> float:
        save(theirs)
        start = time.perf_counter()
        mine.all()
        return (time.perf_counter() - start) * 1000

    yield "list again", REPETITIONS, mine.all
    yield "list after somebody saved one", REPETITIONS, list_after_a_save
    yield "rows of the list", REPETITIONS, lambda: rows(listed, {})
    yield "filter: a word", REPETITIONS, lambda: filtered_rows(rows(listed, {}), ListFilter("bace"))
    wanted = ListFilter("a", frozenset({"tag-7"}))
    yield "filter: a letter and a tag", REPETITIONS, lambda: filtered_rows(rows(listed, {}), wanted)
    yield "open one", REPETITIONS, lambda: mine.get(next(some))
    yield "open one, as a server's first", FIRST_REPETITIONS, lambda: next(fresh).get(next(some))
    yield "open and save one", REPETITIONS, lambda: save(mine)
    yield "history of one", REPETITIONS, lambda: revisions.of(next(some))
    spoken = frozenset((stored.id, stored.etag) for stored in listed[:50])
    yield "revisions of 50 turns", REPETITIONS, lambda: revisions.numbers(spoken)
    yield "when each was saved last", REPETITIONS, revisions.newest
    yield "deleted ones", REPETITIONS, revisions.deleted


def measured(repetitions: int, action: Callable[[], object]) -> tuple[float, float]:
    """Median and the slowest, in milliseconds; an action may return its own measure."""
    if repetitions >= REPETITIONS:
        action()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        own = action()
        times.append(own if isinstance(own, float) else (time.perf_counter() - start) * 1000)
    return statistics.median(times), max(times)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the stores among many personas.")
    parser.add_argument("--personas", type=int, default=10_000)
    parser.add_argument("--no-postgres", action="store_true")
    options = parser.parse_args()
    table: dict[str, list[str]] = {}
    names = []
    with ExitStack() as closers:
        texts = population(options.personas)
        for place in places(texts, closers, postgres=not options.no_postgres):
            names.append(place.name)
            for title, repetitions, action in cases(place, options.personas):
                median, high = measured(repetitions, action)
                table.setdefault(title, []).append(f"{median:.1f} | {high:.1f}")
    average = sum(map(len, texts)) / len(texts) / 1024
    print(f"\n{options.personas:,} personas of {average:.1f} KB; ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}; milliseconds\n")
    print("| | " + " | ".join(f"{name} median | slowest" for name in names) + " |")
    print("|---" + "|---:|---:" * len(names) + "|")
    for title, numbers in table.items():
        print(f"| {title} | {' | '.join(numbers)} |")


def _stored_in(folder: Path) -> list[StoredPersona]:
    return [stored for stored in FilePersonaStore(folder).all() if isinstance(stored, StoredPersona)]


if __name__ == "__main__":
    main()
