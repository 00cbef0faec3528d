"""Ranges of days that a page offers, and the time before each to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from personachat.errors import UsageQuestionInvalid
from personachat.usage import days

LENGTHS: Final[Mapping[str, int]] = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
"""The number of days of each range, which ends today."""

DEFAULT = "30d"


@dataclass(frozen=True, slots=True)
class Range:
    """From the first to the last day, both included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Range:
        """The same number of days, up to the day before the first."""
        return Range(self.first - timedelta(days=self.length), self.first - timedelta(days=1))

    def days(self) -> tuple[date, ...]:
        """Each day, also those without a call."""
        return tuple(self.first + timedelta(days=number) for number in range(self.length))


def range_of(name: str, *, now: datetime, zone: ZoneInfo) -> Range:
    """A range in an address: one of LENGTHS, or dates such as 2026-01-01..2026-01-31.

    Raises UsageQuestionInvalid.
    """
    if name in LENGTHS:
        last = days.today(now, zone)
        return Range(last - timedelta(days=LENGTHS[name] - 1), last)
    first, separator, last_day = name.partition("..")
    if not separator:
        raise UsageQuestionInvalid("This is not a known period.", hint="Choose one from the list.")
    chosen_range = Range(days.day_of(first, now=now, zone=zone), days.day_of(last_day, now=now, zone=zone))
    if chosen_range.first > chosen_range.last:
        raise UsageQuestionInvalid("The first day is after the last one.", hint="Swap them.")
    return chosen_range


def trend(current: float | None, earlier: float | None) -> float | None:
    """The relative change, 0.5 for half as much again; None if there is nothing to compare."""
    if current is None or earlier is None or earlier == 0:
        return None
    return current / earlier - 1
