"""Grouped sums of calls: ended calls from the tables of sums, running ones from their rows.

Days stored for the zone's clock are used if they have the requested detail. The rest consists of whole UTC
days, and quarters of an hour at both ends. For closed days the smaller tables are used, if they suffice. A
day of another zone is the UTC day with the same date; quarters that its clock puts into another day are
subtracted and added there. None means that no call has the value; a sum tells how many calls have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from personachat.errors import UsageQuestionInvalid
from personachat.usage import days
from personachat.usage.clocks import Run, kept_and_rest, kept_days
from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.spans import Span, moved_quarters, runs, shift_of, spans_of
from personachat.usage.tables import (
    BY_MODEL,
    BY_PERSONA,
    GROUPINGS,
    NUMBERS,
    QUARTERS_A_DAY,
    RUNNING,
    SUMMED,
    usage_calls,
    usage_clock_sums,
    usage_closed_days,
    usage_days,
    usage_kinds,
    usage_model_days,
    usage_persona_days,
    usage_quarters,
)

MOST_GROUPS = 20_000

MOST_SPANS = 30
"""How many parts one query adds up: SQLite allows 500, and a wrong clock leaves calls in 1970."""

_Key: TypeAlias = "tuple[str | None, ...]"

_EPOCH = date(1970, 1, 1)
_COST_DIGITS = 12
"""A smaller number is a rounding error of adding and subtracting."""

_LEAST_COST = 10**_COST_DIGITS
"""How many of the smallest costs are a dollar: whole numbers are rounded much faster than digits."""


@dataclass(frozen=True, slots=True)
class Sum:
    """`key` has a value for each grouping; a day as 2026-01-31, None if there is none."""

    key: tuple[str | None, ...]
    numbers: Mapping[str, float]

    @property
    def calls(self) -> int:
        return int(self.numbers["calls"])

    @property
    def estimated(self) -> int:
        """How many calls have estimated tokens."""
        return int(self.numbers["estimated"])

    def known_count(self, name: str) -> int:
        """How many calls have this value."""
        return int(self.numbers[f"{name}_known"])

    def total(self, name: str) -> int | None:
        """A sum; None if no call has the value."""
        return int(self.numbers[name]) if self.known_count(name) else None

    @property
    def cost_usd(self) -> float | None:
        priced_calls = self.known_count("cost_usd")
        return round(float(self.numbers["cost_usd"]), _COST_DIGITS) if priced_calls else None

    def mean(self, name: str) -> int | None:
        """The average of the calls that have the value."""
        return round(self.numbers[name] / self.known_count(name)) if self.known_count(name) else None


NOTHING = Sum((), dict.fromkeys(NUMBERS, 0))
"""The sum of no calls."""


def summed(
    connection: Connection, question: UsageQuery, by: Sequence[str], numbers: Sequence[str] = NUMBERS
) -> tuple[Sum, ...]:
    """The sums of each group with calls. Raises UsageQuestionInvalid for too many groups.

    `numbers` are the columns to read, including `calls`: fewer are faster for many groups.
    """
    numbers_by_key: dict[tuple[str | None, ...], dict[str, float]] = {}
    spans = spans_of(connection, question, by_day="day" in by)
    for at in range(0, len(spans), MOST_SPANS):
        for key, values in _ended(connection, question, by, spans[at : at + MOST_SPANS], numbers):
            group = dict(zip(numbers, values, strict=True))
            before = numbers_by_key.setdefault(key, group)
            if before is not group:
                numbers_by_key[key] = {name: before[name] + group[name] for name in numbers}
    _add_running(connection, question, by, numbers_by_key, numbers)
    if len(numbers_by_key) > MOST_GROUPS:
        raise UsageQuestionInvalid(
            f"There are more than {MOST_GROUPS:,} groups.", hint="Choose fewer days, or group by less."
        )
    return _ordered((Sum(key, each) for key, each in numbers_by_key.items() if each["calls"]), by)


def total(connection: Connection, question: UsageQuery) -> Sum:
    """The sum of all calls, also if there are none."""
    sums = summed(connection, question, ())
    return sums[0] if sums else NOTHING


def _ended(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    spans: Sequence[Span],
    names: Sequence[str],
) -> Iterator[tuple[_Key, Sequence[float]]]:
    """The keys and sums of ended calls; groups without a call may be among them, and a key can come twice."""
    conditions = question.conditions(usage_kinds)
    columns = _Columns(names, by_day="day" in by)
    key_columns = {GROUPS[name] for name in by if name != "day"}
    needed_columns = key_columns | question.columns
    grouping = grouping_for(needed_columns, GROUPINGS)
    whole_spans, rest = kept_and_rest(connection, spans) if grouping else ([], spans)
    kept_parts = [
        columns.days_of_clock(span.offset, grouping, days) for span, days in whole_spans if grouping
    ]
    has_whole_days = any(first < end for first, end in (span.days for span in rest))
    closed = _closed(connection, spans, needed_columns, grouping) if has_whole_days else None
    parts = [part for span in rest for part in columns.parts(span, closed)]
    if conditions:
        kinds = select(usage_kinds.c.id).where(*conditions)
        kept_parts, parts = (
            [part.where(part.selected_columns.kind_id.in_(kinds)) for part in each]
            for each in (kept_parts, parts)
        )
    if grouping and columns.by_day and key_columns == set(GROUPINGS[grouping]):
        # A stored day has one row per group: there is nothing to add up.
        yield from _as_kept(connection, by, kept_parts, names)
    else:
        parts = [*kept_parts, *parts]
    for row in _added_up(connection, by, parts, names):
        yield key_of(row[: len(by)], by), row[len(by) :]


def _as_kept(
    connection: Connection, by: Sequence[str], parts: Sequence[Select[Any]], names: Sequence[str]
) -> Iterator[tuple[_Key, Sequence[float]]]:
    if not parts:
        return
    each = union_all(*parts).subquery()
    query = select(each.c.day, each.c.kind_id, *(each.c[name] for name in names))
    rows = connection.execute(query.limit(MOST_GROUPS + 1)).all()
    # Each kind is looked up once: there are few of them, and each has a row for every day.
    columns = [GROUPS[name] for name in by if name != "day"]
    names_by_id = kinds_by_id(connection, {row[1] for row in rows}, columns)
    place = by.index("day")
    for day, kind_id, *values in rows:
        names_of_kind = names_by_id[kind_id]
        yield (*names_of_kind[:place], _day_in_words(day), *names_of_kind[place:]), values


def kinds_by_id(
    connection: Connection, ids: Collection[int], columns: Sequence[str]
) -> dict[int, tuple[str | None, ...]]:
    """The values of these kinds in these columns."""
    if not columns:
        return dict.fromkeys(ids, ())
    query = select(usage_kinds.c.id, *(usage_kinds.c[name] for name in columns))
    rows = connection.execute(query.where(usage_kinds.c.id.in_(sorted(ids))))
    return {kind_id: tuple(values) for kind_id, *values in rows}


def _added_up(
    connection: Connection, by: Sequence[str], parts: Sequence[Select[Any]], names: Sequence[str]
) -> Sequence[Sequence[Any]]:
    if not parts:
        return []
    parts_together = union_all(*parts).subquery()
    if all(name == "day" for name in by):
        only = [parts_together.c.day for _ in by]
        query = select(*only, *_totals(parts_together, names)).group_by(*only)
        rows = connection.execute(query).all()
        return [row for row in rows if row[len(by)]]  # the sum of nothing is a row, too
    # Group by numbers first, then by names: there are far fewer kinds than rows.
    each = (
        select(parts_together.c.day, parts_together.c.kind_id, *_totals(parts_together, names))
        .group_by(parts_together.c.day, parts_together.c.kind_id)
        .subquery()
    )
    keys, totals = _keys(each, by), _totals(each, names)
    query = select(*keys, *totals).join_from(each, usage_kinds, usage_kinds.c.id == each.c.kind_id)
    # One more than allowed: too many groups are an error, and nothing is loaded in vain.
    query = query.group_by(*keys).having(func.sum(each.c.calls) > 0).limit(MOST_GROUPS + 1)
    return connection.execute(query).all()


def _keys(each: FromClause, by: Sequence[str]) -> list[ColumnElement[Any]]:
    return [each.c.day if name == "day" else usage_kinds.c[GROUPS[name]] for name in by]


def _totals(parts: FromClause, names: Sequence[str]) -> list[ColumnElement[Any]]:
    """The sums of these columns in their own types: PostgreSQL's type for sums is slow."""
    return [cast(func.sum(parts.c[name]), parts.c[name].type).label(name) for name in names]


@dataclass(frozen=True, slots=True)
class _Closed:
    """Closed days, and which of their tables has the requested detail."""

    table: Table
    conditions: tuple[ColumnElement[bool], ...]
    days: frozenset[int]


MOST_GAPS = 30
"""If more runs of closed days have gaps, the finer sums are used for all."""


def _closed(
    connection: Connection, spans: Sequence[Span], needed_columns: AbstractSet[str], grouping: str | None
) -> _Closed | None:
    """The days of the smallest table that has enough detail and any days."""
    first, end = spans[0].days[0], spans[-1].days[1]
    if grouping and (days := kept_days(connection, 0, first, end)):
        sums = usage_clock_sums
        return _Closed(sums, (sums.c.clock == 0, sums.c.grouping == grouping), days)
    for table, columns in ((usage_model_days, BY_MODEL), (usage_persona_days, BY_PERSONA)):
        if needed_columns <= set(columns):
            return _Closed(table, (), closed_days(connection, first, end))
    return None


def grouping_for(columns: AbstractSet[str], groupings: Mapping[str, Sequence[str]]) -> str | None:
    """The first one with all of these columns."""
    return next((name for name, names in groupings.items() if columns <= set(names)), None)


def closed_days(connection: Connection, first: int, end: int) -> frozenset[int]:
    """The closed days from `first` on; `end` isn't among them."""
    day = usage_closed_days.c.day
    closed = select(day).where(usage_closed_days.c.closed, day.between(first, end - 1))
    return frozenset(connection.execute(closed).scalars())


@dataclass(frozen=True, slots=True)
class _Columns:
    """A part of a sum: `day`, which is 0 unless sums are by day, `kind_id`, and these numbers.

    No others are read: a day of a kind has eighteen, and a chart shows a few.
    """

    numbers: Sequence[str]
    by_day: bool

    def parts(self, span: Span, closed: _Closed | None) -> list[Select[Any]]:
        """The parts to add up."""
        first, end = span.days
        if first >= end:
            return [self._quarters(span, usage_quarters.c.quarter.between(span.since, span.until - 1))]
        start, stop = first * QUARTERS_A_DAY, end * QUARTERS_A_DAY
        parts = self._whole_days(span, closed)
        for since, until in ((span.since, start), (stop, span.until)):
            if since < until:
                parts.append(self._quarters(span, usage_quarters.c.quarter.between(since, until - 1)))
        if self.by_day and span.offset:
            # Day by day, so that an index finds the few quarters that move.
            each = _each_day(first, end)
            begins = each.c.day * QUARTERS_A_DAY
            moved = moved_quarters(span.offset)
            inside = usage_quarters.c.quarter.between(begins + moved.start, begins + moved.stop - 1)
            columns = [usage_quarters.c[name] for name in ("quarter", "kind_id", *self.numbers)]
            # The offset keeps conditions on kinds outside: for them PostgreSQL would read all quarters.
            few = select(each.c.day, *columns).join_from(each, usage_quarters, inside).offset(0).subquery()
            day = (few.c.quarter + span.offset) // QUARTERS_A_DAY
            parts += [self._of(few, day), self._of(few, few.c.day + shift_of(span.offset), sign=-1)]
        return parts

    def days_of_clock(self, clock: int, grouping: str, days: Sequence[Run]) -> Select[Any]:
        """Days stored for a clock."""
        table = usage_clock_sums
        within = or_(*(table.c.day.between(*run) for run in days))
        part = self._of(table, table.c.day if self.by_day else literal(0))
        return part.where(table.c.clock == clock, table.c.grouping == grouping, within)

    def _whole_days(self, span: Span, closed: _Closed | None) -> list[Select[Any]]:
        first, end = span.days
        open_runs = [(first, end - 1)]
        parts = []
        if closed:
            open_runs = runs(day for day in range(first, end) if day not in closed.days)
            if len(open_runs) > MOST_GAPS:
                open_runs = [(first, end - 1)]
            else:
                within = closed.table.c.day.between(first, end - 1)
                parts.append(self._days(span, closed.table).where(within, *closed.conditions))
        if open_runs:
            is_open = or_(*(usage_days.c.day.between(*run) for run in open_runs))
            parts.append(self._days(span, usage_days).where(is_open))
        return parts

    def _days(self, span: Span, table: Table) -> Select[Any]:
        return self._of(table, table.c.day + shift_of(span.offset) if self.by_day else literal(0))

    def _quarters(self, span: Span, which: ColumnElement[bool]) -> Select[Any]:
        """Quarters, each on the clock's day."""
        day = (usage_quarters.c.quarter + span.offset) // QUARTERS_A_DAY if self.by_day else literal(0)
        return self._of(usage_quarters, day).where(which)

    def _of(self, table: FromClause, day: ColumnElement[int], *, sign: int = 1) -> Select[Any]:
        numbers = [(table.c[name] if sign > 0 else -table.c[name]).label(name) for name in self.numbers]
        return select(day.label("day"), table.c.kind_id, *numbers)


def _each_day(first: int, end: int) -> CTE:
    """The days from `first` on, without `end`, as a table."""
    one = select(literal(first, Integer).label("day")).cte(f"days_from_{first}", recursive=True)
    return one.union_all(select(one.c.day + 1).where(one.c.day < end - 1))


def _add_running(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    numbers_by_key: dict[tuple[str | None, ...], dict[str, float]],
    names: Sequence[str],
) -> None:
    # A query of its own: without statistics, SQLite takes the index of the days for the narrower one.
    running = select(usage_calls).where(RUNNING).offset(0).subquery()
    query = select(running).where(*question.conditions(running), *question.times(running))
    for row in connection.execute(query).mappings():
        key = tuple(
            str(days.today(row["began_at"], question.zone)) if name == "day" else row[GROUPS[name]]
            for name in by
        )
        values: dict[str, float] = {"calls": 1, "estimated": bool(row["estimated"])}
        for name in SUMMED:
            values |= {name: row[name] or 0, f"{name}_known": row[name] is not None}
        numbers = numbers_by_key.setdefault(key, dict.fromkeys(names, 0))
        for name in names:
            numbers[name] += values[name]


@lru_cache(maxsize=10_000)
def _day_in_words(day: int) -> str:
    return str(_EPOCH + timedelta(days=day))


def key_of(values: Sequence[Any], by: Sequence[str]) -> tuple[str | None, ...]:
    """The values of a grouping, with a day in words."""
    if "day" not in by:
        return tuple(values)
    key = list(values)
    place = by.index("day")
    key[place] = _day_in_words(int(key[place]))
    return tuple(key)


def _ordered(sums: Iterable[Sum], by: Sequence[str]) -> tuple[Sum, ...]:
    """Days in order; then what costs most, and what was called most."""
    place = by.index("day") if "day" in by else None

    def order(each: Sum) -> tuple[Any, ...]:
        numbers, key = each.numbers, each.key
        names = tuple([part or "" for part in key]) if None in key else key
        cost = round(numbers["cost_usd"] * _LEAST_COST)  # 0 if unknown
        return "" if place is None else key[place], -cost, -numbers["calls"], names

    return tuple(sorted(sums, key=order))
