"""How fast calls were: the middle and the slow end of their times, grouped as sums are.

Of closed days they come from what is kept of the day: added up where purpose, provider, model and day are all
that is asked about, else call by call. Only days that are not closed are read row by row. All of them count
in the same buckets, so that it makes no difference. A call that is running is in none.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, select

from personachat.errors import UsageQuestionInvalid
from personachat.usage import day_times
from personachat.usage.closing import ended_calls
from personachat.usage.day_times import TIMES, counted
from personachat.usage.histograms import Spread, bucket_of, unpacked
from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.sums import (
    MOST_GROUPS,
    Span,
    closed_days,
    key_of,
    moved_quarters,
    runs,
    shift_of,
    spans_of,
)
from personachat.usage.tables import (
    BY_TIMES,
    QUARTERS_A_DAY,
    usage_calls,
    usage_day_times,
    usage_kinds,
    usage_times,
)

_SHARES = {"first_token_ms": (0.5, 0.95), "duration_ms": (0.5, 0.95), "tokens_per_second": (0.5, 0.05)}
"""What the middle and the slow end are: more time, but fewer tokens per second."""

_DIGITS = 3

_Key = tuple[str | int | None, ...]
_Found = dict[_Key, tuple[Spread, ...]]


@dataclass(frozen=True, slots=True)
class Times:
    """Of so many calls; half of them are at least as fast as `p50`, 95 of a hundred as `p95`."""

    calls: int = 0
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Times in milliseconds, and tokens per second.

    `key` has a value for each of what was grouped by; a day as 2026-01-31, None where there is none.
    """

    key: tuple[str | None, ...]
    first_token_ms: Times
    duration_ms: Times
    tokens_per_second: Times

    def times(self) -> tuple[tuple[str, Times], ...]:
        """All of them with their names."""
        return tuple((name, getattr(self, name)) for name in TIMES)


UNMEASURED = Speed((), Times(), Times(), Times())
"""Of a group without any times."""


def speeds(connection: Connection, question: UsageQuery, by: Sequence[str]) -> tuple[Speed, ...]:
    """The speed of each group that has times, by its key. Raises UsageQuestionInvalid for too many groups."""
    found: _Found = {}
    spans = spans_of(connection, question, by_day="day" in by)
    kept: frozenset[int] = frozenset()
    if spans:
        first, end = spans[0].since // QUARTERS_A_DAY, -(-spans[-1].until // QUARTERS_A_DAY)
        kept = closed_days(connection, first, end)
        wanted = {GROUPS[name] for name in by if name != "day"} | question.columns
        add = _add_sums if wanted <= set(BY_TIMES) else _add_calls
        add(connection, question, by, spans, kept, found)
    for span in spans:
        _add_rows(connection, question, by, span, kept, found)
    if len(found) > MOST_GROUPS:
        raise UsageQuestionInvalid(
            f"There are more than {MOST_GROUPS:,} groups.", hint="Choose fewer days, or group by less."
        )
    told = (Speed(key_of(key, by), *map(_times, TIMES, spreads)) for key, spreads in found.items())
    known = (each for each in told if each.first_token_ms.calls or each.duration_ms.calls)
    return tuple(sorted(known, key=lambda each: tuple(value or "" for value in each.key)))


def _times(name: str, spread: Spread) -> Times:
    calls, quantiles = spread.quantiles(_SHARES[name])
    return Times(calls, *(None if value is None else round(value, _DIGITS) for value in quantiles))


def _spreads(found: _Found, key: _Key) -> tuple[Spread, ...]:
    there = found.get(key)
    if there is None:
        there = found[key] = tuple(Spread() for _ in TIMES)
    return there


def _add_sums(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    spans: Sequence[Span],
    kept: frozenset[int],
    found: _Found,
) -> None:
    """What closed days add up to, as far as they lie in the spans."""
    if not kept:
        return
    columns = [usage_kinds.c[GROUPS[name]] for name in by if name != "day"]
    query = (
        select(usage_times.c.day, usage_times.c.histograms, *columns)
        .join(usage_kinds, usage_kinds.c.id == usage_times.c.kind_id)
        .where(usage_times.c.day.between(min(kept), max(kept)), *question.conditions(usage_kinds))
    )
    parts_of = {day: tuple(_parts_of_kept_day(day, spans, by)) for day in kept}
    for day, data, *names in connection.execute(query):
        packed = unpacked(data)
        for shown, start, stop, rest in parts_of.get(day, ()):
            spreads = _spreads(found, _key(by, shown, names))
            for spread, each in zip(spreads, packed, strict=True):
                if rest is None:
                    spread.add(each.between(start, stop))
                else:
                    spread.add_day(each)
                    for other in rest:
                        spread.add(each.between(*other), sign=-1)


_Rest: TypeAlias = "list[tuple[int, int]] | None"


def _parts_of_kept_day(
    day: int, spans: Sequence[Span], by: Sequence[str]
) -> Iterator[tuple[int, int, int, _Rest]]:
    """On which days the clock has which quarters; of most of a whole day the rest, to be taken out again."""
    begins = day * QUARTERS_A_DAY
    for span in spans:
        first, end = max(span.since - begins, 0), min(span.until - begins, QUARTERS_A_DAY)
        if first >= end:
            continue
        for place, (shown, start, stop) in enumerate(_shown_days(day, span.offset, by, first, end)):
            is_most = place == 0 and (first, end) == (0, QUARTERS_A_DAY)
            yield shown, start, stop, _rest(start, stop) if is_most else None


def _add_calls(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    spans: Sequence[Span],
    kept: frozenset[int],
    found: _Found,
) -> None:
    """The calls of closed days, as far as they lie in the spans."""
    if not kept:
        return
    columns = [usage_kinds.c[GROUPS[name]] for name in by if name != "day"]
    kinds = select(usage_kinds.c.id, *columns).where(*question.conditions(usage_kinds))
    names_of = {kind_id: tuple(names) for kind_id, *names in connection.execute(kinds)}
    buckets: dict[tuple[int, tuple[str | None, ...]], array[int]] = defaultdict(lambda: array("H"))
    query = select(usage_day_times.c.day, usage_day_times.c.times)
    query = query.where(usage_day_times.c.day.between(min(kept), max(kept)))
    for day, data in connection.execute(query):
        times = day_times.unpacked(data)
        wanted = [(names_of[kind], begins, ends) for kind, begins, ends in times.kinds() if kind in names_of]
        for shown, start, stop in _parts_of_day(day, spans, by):
            is_whole = (start, stop) == (0, QUARTERS_A_DAY)
            for names, begins, ends in wanted:
                buckets[shown, names].extend(
                    times.buckets(begins, ends)
                    if is_whole
                    else times.between(begins, ends, first=start, end=stop)
                )
    for (shown, names), each in buckets.items():
        if each:
            for spread, counts in zip(_spreads(found, _key(by, shown, names)), counted(each), strict=True):
                spread.add_counts(counts)


def _parts_of_day(day: int, spans: Sequence[Span], by: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """As `_shown_days`, for all spans; without `day` among the groups, it is always the same one."""
    begins = day * QUARTERS_A_DAY
    for span in spans:
        first, end = max(span.since - begins, 0), min(span.until - begins, QUARTERS_A_DAY)
        if first < end:
            for shown, start, stop in _shown_days(day, span.offset, by, first, end):
                yield (shown if "day" in by else 0), start, stop


def _rest(start: int, stop: int) -> list[tuple[int, int]]:
    """The quarters of a day that are not among these."""
    return [each for each in ((0, start), (stop, QUARTERS_A_DAY)) if each[0] < each[1]]


def _shown_days(day: int, offset: int, by: Sequence[str], first: int, end: int) -> list[tuple[int, int, int]]:
    """On which days the clock has the quarters of a day in UTC, and from which to which; most come first."""
    if "day" not in by or not offset:
        return [(day, first, end)]
    moved = moved_quarters(offset)
    shift = shift_of(offset)
    most = (moved.stop, QUARTERS_A_DAY) if moved.start == 0 else (0, moved.start)
    other = day + shift + (-1 if moved.start == 0 else 1)
    both = [(day + shift, *most), (other, moved.start, moved.stop)]
    clipped = [(shown, max(start, first), min(stop, end)) for shown, start, stop in both]
    return [each for each in clipped if each[1] < each[2]]


def _key(by: Sequence[str], day: int, names: Sequence[str | None]) -> _Key:
    rest = iter(names)
    return tuple(day if name == "day" else next(rest) for name in by)


def _add_rows(
    connection: Connection,
    question: UsageQuery,
    by: Sequence[str],
    span: Span,
    kept: frozenset[int],
    found: _Found,
) -> None:
    """The rows of a span, but for the days that are kept."""
    days = range(span.since // QUARTERS_A_DAY, -(-span.until // QUARTERS_A_DAY))
    parts = [
        (max(first * QUARTERS_A_DAY, span.since), min((last + 1) * QUARTERS_A_DAY, span.until))
        for first, last in runs(day for day in days if day not in kept)
    ]
    if not parts:
        return
    columns = [usage_calls.c[GROUPS[name]] for name in by if name != "day"]
    calls = ended_calls(connection, columns, parts, *question.conditions(usage_calls))
    for quarter, names, times in calls:
        spreads = _spreads(found, _key(by, (quarter + span.offset) // QUARTERS_A_DAY, names))
        for spread, value in zip(spreads, times, strict=True):
            if value is not None:
                spread.add((bucket_of(value),))
