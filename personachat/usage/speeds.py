"""How fast calls were: median and 95th percentile of their times, grouped like sums.

For closed days they come from what is stored about the day: added up if the question is only about purpose,
provider, model and day, otherwise call by call. Only days that aren't closed are read row by row. All use the
same buckets, so the result is the same. Running calls aren't included.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import Column, ColumnElement, Connection, and_, or_, select

from personachat.errors import UsageQuestionInvalid
from personachat.usage import day_times
from personachat.usage.clocks import kept_and_rest
from personachat.usage.day_times import TIMES, counted
from personachat.usage.ended_calls import Values, buckets_of_calls
from personachat.usage.histograms import Spread, counted_in, unpacked
from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.spans import Span, moved_quarters, runs, shift_of, spans_of
from personachat.usage.sums import MOST_GROUPS, closed_days, grouping_for, key_of, kinds_by_id
from personachat.usage.tables import (
    BY_TIMES,
    QUARTERS_A_DAY,
    TIME_GROUPINGS,
    usage_calls,
    usage_clock_times,
    usage_day_times,
    usage_kinds,
    usage_times,
)

_SHARES = {"first_token_ms": (0.5, 0.95), "duration_ms": (0.5, 0.95), "tokens_per_second": (0.5, 0.05)}
"""The percentiles: a longer time, but fewer tokens per second."""

_DIGITS = 3

_Key: TypeAlias = "tuple[str | int | None, ...]"


@dataclass(frozen=True, slots=True)
class Times:
    """Of so many calls. Half are at least as fast as `p50`, 95 of 100 as `p95`."""

    calls: int = 0
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Times in milliseconds, and tokens per second; empty if they weren't asked for.

    `key` has a value for each grouping; a day as 2026-01-31, None if there is none.
    """

    key: tuple[str | None, ...]
    first_token_ms: Times
    duration_ms: Times
    tokens_per_second: Times

    def times(self) -> tuple[tuple[str, Times], ...]:
        """All of them with their names."""
        return tuple((name, getattr(self, name)) for name in TIMES)


UNMEASURED = Speed((), Times(), Times(), Times())
"""For a group without any times."""


def speeds(connection: Connection, question: UsageQuery, by: Sequence[str]) -> tuple[Speed, ...]:
    """The speed of each group with times, by its key. Raises UsageQuestionInvalid for too many groups."""
    return speeds_by(connection, question, [by])[0]


def speeds_by(
    connection: Connection,
    question: UsageQuery,
    groupings: Sequence[Sequence[str]],
    *,
    times: Sequence[str] = TIMES,
) -> list[tuple[Speed, ...]]:
    """Like `speeds`, for several groupings of the same calls: their stored days are read once.

    Only the given `times` are calculated; each takes about as long as the others.
    """
    names = tuple(dict.fromkeys(name for by in groupings for name in by if name != "day"))
    wanted_times = [name for name in TIMES if name in times]
    groups = [_Groups(by, names, wanted_times) for by in groupings]
    columns = [GROUPS[name] for name in names]
    spans = spans_of(connection, question, by_day=any(each.by_day for each in groups))
    spans = _add_days_of_clocks(connection, question, groupings, groups, spans)
    closed = _closed_days(connection, spans)
    if closed:
        add = _add_sums if {*columns, *question.columns} <= set(BY_TIMES) else _add_calls
        add(connection, question, columns, groups, spans, closed)
    for span in spans:
        _add_rows(connection, question, columns, groups, span, closed)
    return [each.speeds() for each in groups]


def _add_days_of_clocks(
    connection: Connection,
    question: UsageQuery,
    groupings: Sequence[Sequence[str]],
    groups: Sequence[_Groups],
    spans: Sequence[Span],
) -> list[Span]:
    """Days that are stored summed up, if they have enough detail for all groups; returns the rest."""
    columns_of = [[GROUPS[name] for name in by if name != "day"] for by in groupings]
    names = [grouping_for({*columns, *question.columns}, TIME_GROUPINGS) for columns in columns_of]
    if not all(names):
        return list(spans)
    kept_spans, rest = kept_and_rest(connection, spans)
    if not kept_spans:
        return rest
    times, conditions = usage_clock_times.c, question.conditions(usage_kinds)
    each_run = ((span.offset, run) for span, days in kept_spans for run in days)
    within = or_(*(and_(times.clock == clock, times.day.between(*run)) for clock, run in each_run))
    query = select(times.day, times.kind_id, times.histograms).where(within)
    if conditions:
        query = query.where(times.kind_id.in_(select(usage_kinds.c.id).where(*conditions)))
    for group, grouping, columns in zip(groups, names, columns_of, strict=True):
        rows = connection.execute(query.where(times.grouping == grouping)).all()
        names_by_id = kinds_by_id(connection, {kind_id for _, kind_id, _ in rows}, columns)
        for day, kind_id, data in rows:
            wholes = counted_in(data, group.which)
            for spread, whole in zip(group.own(day, names_by_id[kind_id]), wholes, strict=True):
                spread.add_whole(whole)
    return rest


def _closed_days(connection: Connection, spans: Sequence[Span]) -> frozenset[int]:
    """The closed days that lie in the spans, at least partly."""
    days_of = [range(span.since // QUARTERS_A_DAY, -(-span.until // QUARTERS_A_DAY)) for span in spans]
    if not days_of:
        return frozenset()
    closed = closed_days(connection, min(days.start for days in days_of), max(days.stop for days in days_of))
    return frozenset().union(*(closed.intersection(days) for days in days_of))


class _Groups:
    """The distributions of calls in one grouping. `names` are those of the values that come with calls.

    Each group has one distribution for each of `times`; `which` are their places in TIMES.
    """

    def __init__(self, by: Sequence[str], names: Sequence[str], times: Sequence[str]) -> None:
        self.by_day = "day" in by
        self.which = tuple(TIMES.index(name) for name in times)
        self._by = by
        self._times = times
        self._places = tuple(None if name == "day" else names.index(name) for name in by)
        self._spreads: dict[_Key, tuple[Spread, ...]] = {}

    def spreads(self, day: int, values: Sequence[str | None]) -> tuple[Spread, ...]:
        """The group of calls on a day with these values."""
        return self._of(tuple(day if place is None else values[place] for place in self._places))

    def own(self, day: int, values: Iterable[str | None]) -> tuple[Spread, ...]:
        """The same, of values that are its own ones alone, in their order."""
        each = iter(values)
        return self._of(tuple(day if place is None else next(each) for place in self._places))

    def _of(self, key: _Key) -> tuple[Spread, ...]:
        spreads = self._spreads.get(key)
        if spreads is None:
            spreads = self._spreads[key] = tuple(Spread() for _ in self._times)
        return spreads

    def speeds(self) -> tuple[Speed, ...]:
        """Those with times, in order. Raises UsageQuestionInvalid for too many groups."""
        if len(self._spreads) > MOST_GROUPS:
            raise UsageQuestionInvalid(
                f"There are more than {MOST_GROUPS:,} groups.", hint="Choose fewer days, or group by less."
            )
        every = (
            replace(UNMEASURED, key=key_of(key, self._by), **dict(zip(self._times, times, strict=True)))
            for key, times in (
                (key, [*map(_times, self._times, spreads)]) for key, spreads in self._spreads.items()
            )
            if any(each.calls for each in times)
        )
        return tuple(sorted(every, key=lambda each: tuple(value or "" for value in each.key)))


def _times(name: str, spread: Spread) -> Times:
    calls, quantiles = spread.quantiles(_SHARES[name])
    return Times(calls, *(None if value is None else round(value, _DIGITS) for value in quantiles))


def _add_sums(
    connection: Connection,
    question: UsageQuery,
    columns: Sequence[str],
    groups: Sequence[_Groups],
    spans: Sequence[Span],
    closed: frozenset[int],
) -> None:
    """The stored sums of closed days inside the spans."""
    query = (
        select(usage_times.c.day, usage_times.c.histograms, *(usage_kinds.c[name] for name in columns))
        .join(usage_kinds, usage_kinds.c.id == usage_times.c.kind_id)
        .where(_is_one_of(usage_times.c.day, closed), *question.conditions(usage_kinds))
    )
    parts_of = [
        (each, {day: tuple(_parts_of_closed_day(day, spans, by_day=each.by_day)) for day in closed})
        for each in groups
    ]
    for day, data, *values in connection.execute(query):
        packed = unpacked(data)
        for group, parts in parts_of:
            for label, start, stop, rest in parts.get(day, ()):
                days_of_times = [packed[place] for place in group.which]
                for spread, each in zip(group.spreads(label, values), days_of_times, strict=True):
                    if rest is None:
                        spread.add(each.between(start, stop))
                    else:
                        spread.add_whole(each.whole)
                        for other in rest:
                            spread.add(each.between(*other), sign=-1)


_Rest: TypeAlias = "list[tuple[int, int]] | None"


def _is_one_of(day: Column[int], days: Iterable[int]) -> ColumnElement[bool]:
    return or_(*(day.between(*run) for run in runs(sorted(days))))


def _parts_of_closed_day(
    day: int, spans: Sequence[Span], *, by_day: bool
) -> Iterator[tuple[int, int, int, _Rest]]:
    """On which days the clock has which quarters; for most of a whole day, the rest to subtract."""
    begins = day * QUARTERS_A_DAY
    for span in spans:
        first, end = max(span.since - begins, 0), min(span.until - begins, QUARTERS_A_DAY)
        if first >= end:
            continue
        shown_days = _shown_days(day, span.offset, first, end, by_day=by_day)
        for place, (label, start, stop) in enumerate(shown_days):
            is_most = place == 0 and (first, end) == (0, QUARTERS_A_DAY)
            yield label, start, stop, _rest(start, stop) if is_most else None


def _add_calls(
    connection: Connection,
    question: UsageQuery,
    columns: Sequence[str],
    groups: Sequence[_Groups],
    spans: Sequence[Span],
    closed: frozenset[int],
) -> None:
    """The calls of closed days inside the spans."""
    by_day = any(each.by_day for each in groups)
    query = select(usage_kinds.c.id, *(usage_kinds.c[name] for name in columns))
    kinds = connection.execute(query.where(*question.conditions(usage_kinds)))
    values_of = {kind_id: tuple(values) for kind_id, *values in kinds}
    buckets: dict[tuple[int, Values], array[int]] = defaultdict(lambda: array("H"))
    days = select(usage_day_times.c.day, usage_day_times.c.times)
    for day, data in connection.execute(days.where(_is_one_of(usage_day_times.c.day, closed))):
        times = day_times.unpacked(data)
        calls = [(values_of[kind], begins, ends) for kind, begins, ends in times.kinds() if kind in values_of]
        for label, start, stop in _parts_of_day(day, spans, by_day=by_day):
            is_whole = (start, stop) == (0, QUARTERS_A_DAY)
            for values, begins, ends in calls:
                buckets[label, values].extend(
                    times.buckets(begins, ends)
                    if is_whole
                    else times.between(begins, ends, first=start, end=stop)
                )
    _add_buckets(groups, buckets)


def _add_buckets(groups: Sequence[_Groups], buckets: Mapping[tuple[int, Values], array[int]]) -> None:
    """The calls of a day with the same values."""
    for (label, values), each in buckets.items():
        if not each:
            continue
        for group, counts_of in zip(groups, [counted(each, group.which) for group in groups], strict=True):
            for spread, counts in zip(group.spreads(label, values), counts_of, strict=True):
                spread.add_counts(counts)


def _parts_of_day(day: int, spans: Sequence[Span], *, by_day: bool) -> Iterator[tuple[int, int, int]]:
    """Like `_shown_days` for all spans; if no group is by day, it is always the same day."""
    begins = day * QUARTERS_A_DAY
    for span in spans:
        first, end = max(span.since - begins, 0), min(span.until - begins, QUARTERS_A_DAY)
        if first < end:
            for label, start, stop in _shown_days(day, span.offset, first, end, by_day=by_day):
                yield (label if by_day else 0), start, stop


def _rest(start: int, stop: int) -> list[tuple[int, int]]:
    """The quarters of a day that aren't among these."""
    return [each for each in ((0, start), (stop, QUARTERS_A_DAY)) if each[0] < each[1]]


def _shown_days(day: int, offset: int, first: int, end: int, *, by_day: bool) -> list[tuple[int, int, int]]:
    """On which days the clock has the quarters of a UTC day, with start and end; the longest part first."""
    if not by_day or not offset:
        return [(day, first, end)]
    moved = moved_quarters(offset)
    shift = shift_of(offset)
    most = (moved.stop, QUARTERS_A_DAY) if moved.start == 0 else (0, moved.start)
    other = day + shift + (-1 if moved.start == 0 else 1)
    both = [(day + shift, *most), (other, moved.start, moved.stop)]
    clipped = [(label, max(start, first), min(stop, end)) for label, start, stop in both]
    return [each for each in clipped if each[1] < each[2]]


def _add_rows(
    connection: Connection,
    question: UsageQuery,
    columns: Sequence[str],
    groups: Sequence[_Groups],
    span: Span,
    closed: frozenset[int],
) -> None:
    """The rows of a span, without closed days."""
    days = range(span.since // QUARTERS_A_DAY, -(-span.until // QUARTERS_A_DAY))
    parts = [
        (max(first * QUARTERS_A_DAY, span.since), min((last + 1) * QUARTERS_A_DAY, span.until))
        for first, last in runs(day for day in days if day not in closed)
    ]
    wanted_columns = [usage_calls.c[name] for name in columns]
    conditions = question.conditions(usage_calls)
    by_day = any(each.by_day for each in groups)
    for since, until in parts:
        # By day, one after another: then only the times of a call are needed.
        part = Span(since, until, span.offset)
        for piece in part.each_day() if by_day else [part]:
            label = (piece.since + span.offset) // QUARTERS_A_DAY
            buckets = buckets_of_calls(connection, wanted_columns, piece.since, piece.until, *conditions)
            _add_buckets(groups, {(label, values): each for values, each in buckets.items()})
