"""A period in quarters of an hour since 1970, in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from personachat.usage import days
from personachat.usage.questions import UsageQuery
from personachat.usage.records import quarter_of
from personachat.usage.tables import QUARTER_SECONDS, QUARTERS_A_DAY, usage_quarters


@dataclass(frozen=True, slots=True)
class Span:
    """Quarters of an hour, `until` not included, in which a clock has one offset from UTC, in quarters."""

    since: int
    until: int
    offset: int = 0

    @property
    def days(self) -> tuple[int, int]:
        """The UTC days that are completely inside; the second one isn't."""
        return -(-self.since // QUARTERS_A_DAY), self.until // QUARTERS_A_DAY

    @property
    def days_of_clock(self) -> tuple[int, int]:
        """The same for the clock's own days."""
        return Span(self.since + self.offset, self.until + self.offset).days

    def each_day(self) -> Iterator[Span]:
        """The clock's days in it; at its ends, the part inside."""
        since = self.since
        while since < self.until:
            until = ((since + self.offset) // QUARTERS_A_DAY + 1) * QUARTERS_A_DAY - self.offset
            yield replace(self, since=since, until=min(until, self.until))
            since = until

    def without(self, days_of_clock: Iterable[tuple[int, int]]) -> list[Span]:
        """The rest without these runs of the clock's days, which are in order."""
        left, since = [], self.since
        for first, last in days_of_clock:
            left.append(replace(self, since=since, until=first * QUARTERS_A_DAY - self.offset))
            since = (last + 1) * QUARTERS_A_DAY - self.offset
        left.append(replace(self, since=since))
        return [each for each in left if each.since < each.until]


def spans_of(connection: Connection, question: UsageQuery, *, by_day: bool) -> list[Span]:
    """The period, limited to where there are calls; by day, one span per offset of the clock."""
    first, last = connection.execute(
        # Each alone reads one end of the index; both at once make SQLite read all of it.
        select(
            select(func.min(usage_quarters.c.quarter)).scalar_subquery(),
            select(func.max(usage_quarters.c.quarter)).scalar_subquery(),
        )
    ).one()
    if first is None:
        return []
    # One more day at both ends, so that the first and last days with calls are complete by every clock.
    since, until = first - QUARTERS_A_DAY, last + 1 + QUARTERS_A_DAY
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


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted numbers as runs without a gap: the first and the last of each."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def shift_of(offset: int) -> int:
    """By how many days the clock is ahead during most of a UTC day."""
    return 1 if offset > QUARTERS_A_DAY // 2 else 0


def moved_quarters(offset: int) -> range:
    """The quarters of a UTC day that the clock has on another day than most of them."""
    if offset < 0:
        return range(-offset)
    split = QUARTERS_A_DAY - offset
    return range(split) if shift_of(offset) else range(split, QUARTERS_A_DAY)


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
