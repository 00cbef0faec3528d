"""The sums of calls, grouped: what has ended comes from the tables of sums, what is running from its rows.

A span of time is whole days in UTC, and quarters of an hour at both ends. Of days that are closed the sums by
less are taken, where they say what is asked for. A day of another zone is the day in
UTC of the same date; the quarters that its clock puts into another day are taken out and added there. None is
what is known of no call; a sum of what is known of some says of how many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
    func,
    literal,
    or_,
    select,
    union_all,
)

from personachat.errors import UsageQuestionInvalid
from personachat.usage import days
from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.records import quarter_of
from personachat.usage.tables import (
    BY_MODEL,
    BY_PERSONA,
    GROUPINGS,
    NUMBERS,
    QUARTER_SECONDS,
    QUARTERS_A_DAY,
    RUNNING,
    SUMMED,
    usage_calls,
    usage_closed_days,
    usage_days,
    usage_group_days,
    usage_kinds,
    usage_model_days,
    usage_persona_days,
    usage_quarters,
)

MOST_GROUPS = 20_000

MOST_SPANS = 50
"""So many are added up at once: SQLite takes 500 parts of a query, and a wrong clock leaves calls of 1970."""

_EPOCH = date(1970, 1, 1)
_COST_DIGITS = 12
"""More are what adding and taking away have left."""


@dataclass(frozen=True, slots=True)
class Sum:
    """`key` has a value for each of what was grouped by; a day as 2026-01-31, None where there is none."""

    key: tuple[str | None, ...]
    numbers: Mapping[str, float]

    @property
    def calls(self) -> int:
        return int(self.numbers["calls"])

    @property
    def estimated(self) -> int:
        """Of how many calls the tokens were estimated."""
        return int(self.numbers["estimated"])

    def known_count(self, name: str) -> int:
        """Of how many calls a number was known."""
        return int(self.numbers[f"{name}_known"])

    def total(self, name: str) -> int | None:
        """A sum, None where it was known of no call."""
        return int(self.numbers[name]) if self.known_count(name) else None

    @property
    def cost_usd(self) -> float | None:
        priced_calls = self.known_count("cost_usd")
        return round(float(self.numbers["cost_usd"]), _COST_DIGITS) if priced_calls else None

    def mean(self, name: str) -> int | None:
        """Of those of which it was known."""
        return round(self.numbers[name] / self.known_count(name)) if self.known_count(name) else None


NOTHING = Sum((), dict.fromkeys(NUMBERS, 0))
"""The sum of no calls."""


def summed(
    connection: Connection, question: UsageQuery, by: Sequence[str], numbers: Sequence[str] = NUMBERS
) -> tuple[Sum, ...]:
    """The sums of each group that has calls. Raises UsageQuestionInvalid where those are too many.

    `numbers` are the columns that are wanted, `calls` among them: fewer are quicker where groups are many.
    """
    numbers_by_key: dict[tuple[str | None, ...], dict[str, float]] = {}
    spans = spans_of(connection, question, by_day="day" in by)
    for at in range(0, len(spans), MOST_SPANS):
        for row in _ended(connection, question, by, spans[at : at + MOST_SPANS], numbers):
            key = key_of(row[: len(by)], by)
            group = dict(zip(numbers, row[len(by) :], strict=True))
            before = numbers_by_key.get(key)
            numbers_by_key[key] = {name: before[name] + group[name] for name in numbers} if before else group
    _add_running(connection, question, by, numbers_by_key, numbers)
    if len(numbers_by_key) > MOST_GROUPS:
        raise UsageQuestionInvalid(
            f"There are more than {MOST_GROUPS:,} groups.", hint="Choose fewer days, or group by less."
        )
    sums = [Sum(key, numbers) for key, numbers in numbers_by_key.items() if numbers["calls"]]
    return tuple(sorted(sums, key=lambda each: _order(each, by)))


def total(connection: Connection, question: UsageQuery) -> Sum:
    """The sum of all, also where there are no calls."""
    sums = summed(connection, question, ())
    return sums[0] if sums else NOTHING


@dataclass(frozen=True, slots=True)
class Span:
    """Quarters of an hour since 1970 in UTC, `until` not included, in which a clock has one offset."""

    since: int
    until: int
    offset: int = 0

    @property
    def days(self) -> tuple[int, int]:
        """The days in UTC that lie in it as a whole; the second one does not."""
        return -(-self.since // QUARTERS_A_DAY), self.until // QUARTERS_A_DAY


def _ended(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    spans: Sequence[Span],
    names: Sequence[str],
) -> Sequence[Sequence[Any]]:
    """The sums of what has ended; groups without a call may be among them."""
    conditions = question.conditions(usage_kinds)
    closed = _closed(connection, spans, _table_of_closed(question, by))
    columns = _Columns(names, by_day="day" in by)
    parts = [part for span in spans for part in columns.parts(span, closed)]
    if conditions:
        kinds = select(usage_kinds.c.id).where(*conditions)
        parts = [part.where(part.selected_columns.kind_id.in_(kinds)) for part in parts]
    parts_together = union_all(*parts).subquery()
    numbers = [func.sum(parts_together.c[name]).label(name) for name in names]
    if all(name == "day" for name in by):
        only = [parts_together.c.day for _ in by]
        rows = connection.execute(select(*only, *numbers).group_by(*only)).all()
        return [row for row in rows if row[len(by)]]  # the sum of nothing is a row, too
    # By numbers first, by names then: there are far fewer kinds than rows.
    each = (
        select(parts_together.c.day, parts_together.c.kind_id, *numbers)
        .group_by(parts_together.c.day, parts_together.c.kind_id)
        .subquery()
    )
    keys = [each.c.day if name == "day" else usage_kinds.c[GROUPS[name]] for name in by]
    query = select(*keys, *(func.sum(each.c[name]) for name in names)).select_from(each)
    query = query.join(usage_kinds, usage_kinds.c.id == each.c.kind_id).group_by(*keys)
    # One more than may be: who asks for too much is told so, and nothing is loaded that nobody sees.
    return connection.execute(query.having(func.sum(each.c.calls) > 0).limit(MOST_GROUPS + 1)).all()


def spans_of(connection: Connection, question: UsageQuery, *, by_day: bool) -> list[Span]:
    """The time that is asked for, as far as there are calls; by day, a span for each offset of the clock."""
    first, last = connection.execute(
        # Each by itself is a look at one end of the index; SQLite reads all of it for both at once.
        select(
            select(func.min(usage_quarters.c.quarter)).scalar_subquery(),
            select(func.max(usage_quarters.c.quarter)).scalar_subquery(),
        )
    ).one()
    if first is None:
        return []
    since, until = first, last + 1
    if question.begins:
        since = max(since, quarter_of(question.begins))
    if question.ends:
        until = min(until, quarter_of(question.ends))
    if since >= until:
        return []
    if not by_day:
        return [Span(since, until)]
    changes = [
        (quarter_of(at), int(offset.total_seconds()) // QUARTER_SECONDS)
        for at, offset in days.offsets(question.zone, _moment(since), _moment(until))
    ]
    ends = [*(at for at, _ in changes[1:]), until]
    spans = (Span(at, min(end, until), offset) for (at, offset), end in zip(changes, ends, strict=True))
    return [span for span in spans if span.since < span.until]


@dataclass(frozen=True, slots=True)
class _Closed:
    """Days that are closed, and which of their tables says what is asked for."""

    table: Table
    conditions: tuple[ColumnElement[bool], ...]
    days: frozenset[int]


MOST_GAPS = 30
"""Where more runs of days among closed ones are open, the finer sums are taken of all."""


_Enough: TypeAlias = tuple[Table, tuple[ColumnElement[bool], ...]]


def _table_of_closed(question: UsageQuery, by: Sequence[str]) -> _Enough | None:
    """The smallest one that says enough, and which of its rows; None where none does."""
    needed_columns = {GROUPS[name] for name in by if name != "day"} | question.columns
    for grouping, columns in GROUPINGS.items():
        if needed_columns <= set(columns):
            return usage_group_days, (usage_group_days.c.grouping == grouping,)
    for table, columns in ((usage_model_days, BY_MODEL), (usage_persona_days, BY_PERSONA)):
        if needed_columns <= set(columns):
            return table, ()
    return None


def _closed(connection: Connection, spans: Sequence[Span], enough: _Enough | None) -> _Closed | None:
    if enough is None:
        return None
    return _Closed(*enough, closed_days(connection, spans[0].days[0], spans[-1].days[1]))


def closed_days(connection: Connection, first: int, end: int) -> frozenset[int]:
    """Those that are closed of the days from `first` on; `end` is not among them."""
    day = usage_closed_days.c.day
    closed = select(day).where(usage_closed_days.c.closed, day.between(first, end - 1))
    return frozenset(connection.execute(closed).scalars())


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in order as runs without a gap: the first and the last of each."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


@dataclass(frozen=True, slots=True)
class _Columns:
    """What each part of a sum has: `day`, which is 0 unless sums are by day, `kind_id`, and these numbers.

    No others are read: a day of a kind has eighteen, and a chart shows a few.
    """

    numbers: Sequence[str]
    by_day: bool

    def parts(self, span: Span, closed: _Closed | None) -> list[Select[Any]]:
        """What is to be added up."""
        first, end = span.days
        if first >= end:
            return [self._quarters(span, usage_quarters.c.quarter.between(span.since, span.until - 1))]
        start, stop = first * QUARTERS_A_DAY, end * QUARTERS_A_DAY
        parts = self._whole_days(span, closed)
        for since, until in ((span.since, start), (stop, span.until)):
            if since < until:
                parts.append(self._quarters(span, usage_quarters.c.quarter.between(since, until - 1)))
        if self.by_day and span.offset:
            # Day by day, so that an index leads to the few quarters that move.
            each = _each_day(first, end)
            begins = each.c.day * QUARTERS_A_DAY
            moved = moved_quarters(span.offset)
            inside = usage_quarters.c.quarter.between(begins + moved.start, begins + moved.stop - 1)
            columns = [usage_quarters.c[name] for name in ("quarter", "kind_id", *self.numbers)]
            # The offset keeps conditions on kinds out: for their sake PostgreSQL would read all quarters.
            few = select(each.c.day, *columns).join_from(each, usage_quarters, inside).offset(0).subquery()
            day = (few.c.quarter + span.offset) // QUARTERS_A_DAY
            parts += [self._of(few, day), self._of(few, few.c.day + shift_of(span.offset), sign=-1)]
        return parts

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
        """Quarters, each on the day that the clock shows."""
        day = (usage_quarters.c.quarter + span.offset) // QUARTERS_A_DAY if self.by_day else literal(0)
        return self._of(usage_quarters, day).where(which)

    def _of(self, table: FromClause, day: ColumnElement[int], *, sign: int = 1) -> Select[Any]:
        numbers = [(table.c[name] if sign > 0 else -table.c[name]).label(name) for name in self.numbers]
        return select(day.label("day"), table.c.kind_id, *numbers)


def _each_day(first: int, end: int) -> CTE:
    """The days from `first` on, without `end`, as a table."""
    one = select(literal(first, Integer).label("day")).cte(f"days_from_{first}", recursive=True)
    return one.union_all(select(one.c.day + 1).where(one.c.day < end - 1))


def shift_of(offset: int) -> int:
    """How many days later the clock has most of a day in UTC."""
    return 1 if offset > QUARTERS_A_DAY // 2 else 0


def moved_quarters(offset: int) -> range:
    """The quarters of a day in UTC that the clock has on another day than most of them."""
    if offset < 0:
        return range(-offset)
    split = QUARTERS_A_DAY - offset
    return range(split) if shift_of(offset) else range(split, QUARTERS_A_DAY)


def _add_running(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    numbers_by_key: dict[tuple[str | None, ...], dict[str, float]],
    names: Sequence[str],
) -> None:
    # Within a query of its own: without statistics SQLite takes the index of the days for the narrower one.
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


def key_of(values: Sequence[Any], by: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(
        str(_EPOCH + timedelta(days=int(value))) if name == "day" else value
        for name, value in zip(by, values, strict=True)
    )


def _order(each: Sum, by: Sequence[str]) -> tuple[Any, ...]:
    """Days as they come, then what costs most, and what was called most."""
    day = tuple(key for key, name in zip(each.key, by, strict=True) if name == "day")
    return (*day, -(each.cost_usd or 0), -each.calls, tuple(key or "" for key in each.key))


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
