"""The clocks in use, and which of their days are stored summed up.

A clock is a number of quarters of an hour ahead of UTC; most time zones have two. UTC's days are always
stored, those of others as long as someone uses them. A question about any other is answered from UTC's days.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from personachat.usage.records import insert_of, this_quarter
from personachat.usage.spans import Span, runs
from personachat.usage.tables import QUARTER_SECONDS, QUARTERS_A_DAY, usage_clock_days, usage_clocks

MOST_CLOCKS = 12
"""How many recently used clocks are kept."""

UNASKED_DAYS = 90
"""Days of a clock that nobody has used for this long are deleted."""

_NOTED_DAYS = 7
"""How often the use of a clock is recorded."""

MOST_PIECES = 30
"""If more of the time isn't covered by stored days, all of it is read from the finer sums."""

Run = tuple[int, int]
"""The first and the last of consecutive days."""


def in_use(connection: Connection) -> list[int]:
    """The clocks whose days are stored."""
    latest = (
        select(usage_clocks.c.clock)
        .where(usage_clocks.c.asked_day > _today() - UNASKED_DAYS)
        .order_by(usage_clocks.c.asked_day.desc(), usage_clocks.c.clock)
        .limit(MOST_CLOCKS)
    )
    return [0, *connection.execute(latest).scalars()]


def to_note(connection: Connection, zone: ZoneInfo) -> list[int]:
    """The zone's clocks, unless their use was recorded recently."""
    clocks = _clocks_of(zone) - {0}
    if not clocks:
        return []
    noted = select(usage_clocks.c.clock).where(
        usage_clocks.c.clock.in_(clocks), usage_clocks.c.asked_day > _today() - _NOTED_DAYS
    )
    return sorted(clocks - set(connection.execute(noted).scalars()))


def note(connection: Connection, clocks: Sequence[int]) -> None:
    """Record that someone uses these clocks."""
    new = insert_of(connection.dialect.name, usage_clocks)
    noted = new.on_conflict_do_update(index_elements=["clock"], set_={"asked_day": new.excluded.asked_day})
    connection.execute(noted, [{"clock": clock, "asked_day": _today()} for clock in clocks])


def kept_days(connection: Connection, clock: int, first: int, end: int) -> frozenset[int]:
    """A clock's stored days from `first` on; `end` isn't among them."""
    marker = usage_clock_days.c
    days = select(marker.day).where(marker.clock == clock, marker.day.between(first, end - 1))
    return frozenset(connection.execute(days).scalars())


def kept_and_rest(
    connection: Connection, spans: Sequence[Span]
) -> tuple[list[tuple[Span, list[Run]]], list[Span]]:
    """The stored days of each span, as runs, and the rest of all spans."""
    kept_spans = _kept_runs(connection, spans)
    rest = [piece for span, days in kept_spans for piece in span.without(days)]
    if len(rest) > len(spans) + MOST_PIECES:
        return [], list(spans)
    return [(span, days) for span, days in kept_spans if days], rest


def _kept_runs(connection: Connection, spans: Sequence[Span]) -> list[tuple[Span, list[Run]]]:
    """The stored days of each span, as runs."""
    if not spans:
        return []
    marker = usage_clock_days.c
    first = min(span.days_of_clock[0] for span in spans)
    end = max(span.days_of_clock[1] for span in spans)
    query = select(marker.clock, marker.day).where(
        marker.clock.in_({span.offset for span in spans}), marker.day.between(first, end - 1)
    )
    days_by_clock: dict[int, list[int]] = defaultdict(list)
    for clock, day in connection.execute(query.order_by(marker.day)):
        days_by_clock[clock].append(day)
    kept_spans = []
    for span in spans:
        days = days_by_clock[span.offset]
        begins, ends = (bisect_left(days, day) for day in span.days_of_clock)
        kept_spans.append((span, runs(days[begins:ends])))
    return kept_spans


def _clocks_of(zone: ZoneInfo) -> set[int]:
    year: Final = datetime.now(UTC).year
    moments = (datetime(year, month, 1, tzinfo=UTC).astimezone(zone) for month in (1, 7))
    offsets = (moment.utcoffset() for moment in moments)
    return {int(offset.total_seconds()) // QUARTER_SECONDS for offset in offsets if offset}


def _today() -> int:
    return this_quarter() // QUARTERS_A_DAY
