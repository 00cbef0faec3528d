"""Days that are over are closed: their calls are added up once more, by less, so that long spans are quick.

It is done beside the writing of calls, a day a transaction, by whichever process comes first; until then the
sums of a day come from the finer tables. Where a call of a closed day changes after all, whoever writes it
opens the day again in the same transaction, and it is closed anew. Both write the day's row in
`usage_closed_days`, so that one waits for the other: what is kept of a closed day is of all its calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from personachat.database.connection import Database
from personachat.messages import writing_speed
from personachat.usage import day_times, histograms
from personachat.usage.day_times import TIMES, Measured
from personachat.usage.records import MOST_KINDS, UNCLOSED_DAYS, kind_id_of, moment_of, quarter_of, today_utc
from personachat.usage.tables import (
    BY_MODEL,
    BY_PERSONA,
    BY_TIMES,
    CLOSED_TABLES,
    GROUPINGS,
    KIND,
    NUMBERS,
    QUARTERS_A_DAY,
    usage_calls,
    usage_closed_days,
    usage_day_times,
    usage_days,
    usage_group_days,
    usage_kinds,
    usage_model_days,
    usage_persona_days,
    usage_times,
)

_Kind = tuple[Any, ...]


class Closing:
    """To be used by one thread at a time. Methods raise what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kinds: dict[_Kind, int] = {}

    def close_some(self, most: int) -> int:
        """Close up to so many days that are over, the newest first; returns how many were."""
        due = self._due()[:most]
        for day in due:
            with self._database.write() as connection:
                learned = self._close(connection, day)
            if len(self._kinds) > MOST_KINDS:
                self._kinds.clear()
            self._kinds |= learned  # they are committed
        return len(due)

    def _due(self) -> list[int]:
        with self._database.read() as connection:
            first = connection.execute(select(func.min(usage_days.c.day))).scalar()
            closed = select(usage_closed_days.c.day).where(usage_closed_days.c.closed)
            closed_days = set(connection.execute(closed).scalars())
        if first is None:
            return []
        return [day for day in range(today_utc() - UNCLOSED_DAYS, first - 1, -1) if day not in closed_days]

    def _close(self, connection: Connection, day: int) -> dict[_Kind, int]:
        """Returns the kinds that had to be looked up."""
        _mark(connection, day)
        for table in CLOSED_TABLES:
            connection.execute(delete(table).where(table.c.day == day))
        learned: dict[_Kind, int] = {}

        def id_of(kind: _Kind) -> int:
            if kind not in self._kinds and kind not in learned:
                learned[kind] = kind_id_of(connection, kind)
            return self._kinds.get(kind) or learned[kind]

        fine = select(*(usage_kinds.c[name] for name in KIND), *(usage_days.c[name] for name in NUMBERS))
        fine = fine.join_from(usage_days, usage_kinds, usage_kinds.c.id == usage_days.c.kind_id)
        rows = [dict(row) for row in connection.execute(fine.where(usage_days.c.day == day)).mappings()]
        for table, columns in ((usage_model_days, BY_MODEL), (usage_persona_days, BY_PERSONA)):
            sums = _summed(rows, columns)
            _write(connection, table, day, {id_of(_less(columns, key)): each for key, each in sums.items()})
        for grouping, few in GROUPINGS.items():
            sums = _summed(rows, few)
            group_rows = {id_of(_less(few, key)): each | {"grouping": grouping} for key, each in sums.items()}
            _write(connection, usage_group_days, day, group_rows)
        times = _times(connection, day)
        packed = {
            id_of(_less(BY_TIMES, key)): {"histograms": histograms.packed(spreads)}
            for key, spreads in _spreads(times).items()
        }
        _write(connection, usage_times, day, packed)
        kind_ids = _ids_of_kinds(connection, day)
        ids = {kind: kind_ids.get(kind) or id_of(kind) for kind in times}
        every = day_times.packed({ids[kind]: calls for kind, calls in times.items()})
        connection.execute(insert(usage_day_times).values(day=day, times=every))
        return learned


def _less(columns: Sequence[str], values: Sequence[Any]) -> _Kind:
    """A kind that says nothing but these columns."""
    values_by_column = dict(zip(columns, values, strict=True))
    empty = {"owner": "", "purpose": "", "outcome": ""}
    return tuple(values_by_column.get(name, empty.get(name)) for name in KIND)


def _ids_of_kinds(connection: Connection, day: int) -> dict[_Kind, int]:
    """Of the kinds that a day has sums of."""
    query = select(usage_kinds.c.id, *(usage_kinds.c[name] for name in KIND))
    query = query.join(usage_days, usage_kinds.c.id == usage_days.c.kind_id).where(usage_days.c.day == day)
    return {tuple(kind): kind_id for kind_id, *kind in connection.execute(query)}


def _mark(connection: Connection, day: int) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = dialect.insert(usage_closed_days).values(day=day, closed=True)
    connection.execute(row.on_conflict_do_update(index_elements=["day"], set_={"closed": True}))


def _summed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[_Kind, dict[str, Any]]:
    """Sums of those that have the same in these columns; without those that have become empty."""
    numbers_by_kind: dict[_Kind, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(NUMBERS, 0))
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


def _times(connection: Connection, day: int) -> dict[_Kind, list[Measured]]:
    """The times of a day's calls, by kind."""
    first = day * QUARTERS_A_DAY
    times_by_kind: dict[_Kind, list[Measured]] = defaultdict(list)
    columns = [usage_calls.c[name] for name in KIND]
    for quarter, kind, times in ended_calls(connection, columns, [(first, first + QUARTERS_A_DAY)]):
        times_by_kind[kind].append((quarter - first, times))
    return times_by_kind


def _spreads(times: Mapping[_Kind, Sequence[Measured]]) -> dict[_Kind, tuple[list[tuple[int, float]], ...]]:
    """Those times by less, each with its quarter, in the order of TIMES."""
    spreads_by_kind: dict[_Kind, tuple[list[tuple[int, float]], ...]] = {}
    places = [KIND.index(name) for name in BY_TIMES]
    for kind, calls in times.items():
        spreads = spreads_by_kind.setdefault(tuple(kind[place] for place in places), tuple([] for _ in TIMES))
        for quarter, values in calls:
            for spread, value in zip(spreads, values, strict=True):
                if value is not None:
                    spread.append((quarter, value))
    return spreads_by_kind


def ended_calls(
    connection: Connection,
    columns: Sequence[Column[Any]],
    spans: Sequence[tuple[int, int]],
    *conditions: ColumnElement[bool],
) -> Iterator[tuple[int, _Kind, tuple[float | None, ...]]]:
    """Of each call that has ended: its quarter, these columns, and its TIMES.

    Spans are of quarters, and do not include their end.
    """
    calls = usage_calls.c
    within = or_(
        *(and_(calls.began_at >= moment_of(first), calls.began_at < moment_of(end)) for first, end in spans)
    )
    query = select(
        calls.began_at, calls.first_token_ms, calls.duration_ms, calls.completion_tokens, *columns
    ).where(within, calls.outcome != "running", *conditions)
    for began_at, first_token, duration, tokens, *key in connection.execute(query):
        yield (
            quarter_of(began_at),
            tuple(key),
            (first_token, duration, tokens_per_second(first_token, duration, tokens)),
        )


def tokens_per_second(
    first_token_ms: int | None, duration_ms: int | None, tokens: int | None
) -> float | None:
    """How fast a call wrote once it had begun to; None where that is not known."""
    return writing_speed(
        tokens or 0,
        first_token_seconds=None if first_token_ms is None else first_token_ms / 1000,
        duration_seconds=None if duration_ms is None else duration_ms / 1000,
    )
