"""Ended days are closed: their calls are summed up again in smaller tables, so that long spans are quick.

Some process does it besides writing calls, in short transactions. Until then a day's sums come from the finer
tables. If a call of a closed day changes after all, its writer reopens the day in the same transaction, and
the day is closed again later. Both write the day's row in `usage_closed_days`, so one waits for the other:
the sums of a closed day cover all its calls. The same days are then stored by clock; see `clock_days`.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from personachat.database.connection import Database
from personachat.usage import clock_days, day_times, histograms
from personachat.usage.clock_days import IdOf, Kind, kind_with
from personachat.usage.day_times import TIMES, Measured
from personachat.usage.ended_calls import ended_calls
from personachat.usage.records import CLOSABLE_AFTER, MOST_KINDS, kind_id_of, this_quarter
from personachat.usage.tables import (
    BY_MODEL,
    BY_PERSONA,
    BY_TIMES,
    CLOSED_TABLES,
    KIND,
    NUMBERS,
    QUARTERS_A_DAY,
    usage_calls,
    usage_closed_days,
    usage_day_times,
    usage_days,
    usage_kinds,
    usage_model_days,
    usage_persona_days,
    usage_times,
)

_Due = tuple[int | None, int]
"""A day of a clock or, without a clock, a UTC day to close."""

_TOGETHER = 20
_SOON_SECONDS = 0.05
"""Seconds that others wait for a transaction that closes days, unless a single day takes longer."""


class Closing:
    """Use it on one thread at a time. Methods raise what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kinds: dict[Kind, int] = {}

    def close_some(self, most: int) -> int:
        """Close up to so many ended days, newest first; returns how many were closed."""
        with self._database.read() as connection:
            due: list[_Due] = [(None, day) for day in self._due(connection)]
            due = [*due, *clock_days.due(connection)][:most]
            unasked = clock_days.unasked(connection)
        for at in range(0, len(due), _TOGETHER):
            self._close_in_turn(due[at : at + _TOGETHER])
        if unasked:
            with self._database.write() as connection:
                clock_days.forget(connection, unasked)
        return len(due)

    def _close_in_turn(self, due: Sequence[_Due]) -> None:
        """Close as many per transaction as take little time: of days without calls that is many.

        They are closed in order, as writers of calls lock them, so two never block each other.
        """
        left = deque(sorted(due, key=lambda each: each[1] * QUARTERS_A_DAY - (each[0] or 0)))
        while left:
            with self._writing() as (connection, id_of):
                until = time.monotonic() + _SOON_SECONDS
                while left and time.monotonic() < until:
                    clock, day = left.popleft()
                    if clock is None:
                        self._close(connection, day, id_of)
                    else:
                        clock_days.keep(connection, clock, day, id_of=id_of)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, IdOf]]:
        """A transaction, and the ids of kinds; ids that it looked up are cached afterwards."""
        learned: dict[Kind, int] = {}

        def id_of(kind: Kind) -> int:
            if kind not in self._kinds and kind not in learned:
                learned[kind] = kind_id_of(connection, kind)
            return self._kinds.get(kind) or learned[kind]

        with self._database.write() as connection:
            yield connection, id_of
        if len(self._kinds) > MOST_KINDS:
            self._kinds.clear()
        self._kinds |= learned  # they are committed

    def _due(self, connection: Connection) -> list[int]:
        first = connection.execute(select(func.min(usage_days.c.day))).scalar()
        closed = select(usage_closed_days.c.day).where(usage_closed_days.c.closed)
        closed_days = set(connection.execute(closed).scalars())
        if first is None:
            return []
        end = (this_quarter() - CLOSABLE_AFTER) // QUARTERS_A_DAY
        return [day for day in range(end - 1, first - 1, -1) if day not in closed_days]

    def _close(self, connection: Connection, day: int, id_of: IdOf) -> None:
        _mark(connection, day)
        for table in CLOSED_TABLES:
            connection.execute(delete(table).where(table.c.day == day))
        fine = select(*(usage_kinds.c[name] for name in KIND), *(usage_days.c[name] for name in NUMBERS))
        fine = fine.join_from(usage_days, usage_kinds, usage_kinds.c.id == usage_days.c.kind_id)
        rows = [dict(row) for row in connection.execute(fine.where(usage_days.c.day == day)).mappings()]
        for table, columns in ((usage_model_days, BY_MODEL), (usage_persona_days, BY_PERSONA)):
            sums = _summed(rows, columns)
            _write(
                connection, table, day, {id_of(kind_with(columns, key)): each for key, each in sums.items()}
            )
        times = _times(connection, day)
        packed = {
            id_of(kind_with(BY_TIMES, key)): {"histograms": histograms.packed(spreads)}
            for key, spreads in _spreads(times).items()
        }
        _write(connection, usage_times, day, packed)
        kind_ids = _ids_of_kinds(connection, day)
        ids = {kind: kind_ids.get(kind) or id_of(kind) for kind in times}
        every = day_times.packed({ids[kind]: calls for kind, calls in times.items()})
        connection.execute(insert(usage_day_times).values(day=day, times=every))


def _ids_of_kinds(connection: Connection, day: int) -> dict[Kind, int]:
    """The kinds that a day has sums of."""
    query = select(usage_kinds.c.id, *(usage_kinds.c[name] for name in KIND))
    query = query.join(usage_days, usage_kinds.c.id == usage_days.c.kind_id).where(usage_days.c.day == day)
    return {tuple(kind): kind_id for kind_id, *kind in connection.execute(query)}


def _mark(connection: Connection, day: int) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = dialect.insert(usage_closed_days).values(day=day, closed=True)
    connection.execute(row.on_conflict_do_update(index_elements=["day"], set_={"closed": True}))


def _summed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[Kind, dict[str, Any]]:
    """Sums of rows with the same values in these columns, without empty ones."""
    numbers_by_kind: dict[Kind, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(NUMBERS, 0))
    for row in rows:
        each = numbers_by_kind[tuple(row[name] for name in columns)]
        for name in NUMBERS:
            each[name] += row[name]
    return {key: each for key, each in numbers_by_kind.items() if each["calls"]}


def _write(connection: Connection, table: Table, day: int, rows: Mapping[int, Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(
            insert(table), [{"day": day, "kind_id": kind_id, **rows[kind_id]} for kind_id in sorted(rows)]
        )


def _times(connection: Connection, day: int) -> dict[Kind, list[Measured]]:
    """The times of a day's calls, by kind."""
    first = day * QUARTERS_A_DAY
    times_by_kind: dict[Kind, list[Measured]] = defaultdict(list)
    columns = [usage_calls.c[name] for name in KIND]
    for quarter, kind, times in ended_calls(connection, columns, first, first + QUARTERS_A_DAY):
        times_by_kind[kind].append((quarter - first, times))
    return times_by_kind


def _spreads(times: Mapping[Kind, Sequence[Measured]]) -> dict[Kind, tuple[list[tuple[int, float]], ...]]:
    """Those times by fewer columns, each with its quarter, in the order of TIMES."""
    spreads_by_kind: dict[Kind, tuple[list[tuple[int, float]], ...]] = {}
    places = [KIND.index(name) for name in BY_TIMES]
    for kind, calls in times.items():
        spreads = spreads_by_kind.setdefault(tuple(kind[place] for place in places), tuple([] for _ in TIMES))
        for quarter, values in calls:
            for spread, value in zip(spreads, values, strict=True):
                if value is not None:
                    spread.append((quarter, value))
    return spreads_by_kind
