"""Days of a time zone as moments in UTC. Nothing here reads a clock or a database.

A day begins at its first moment. If the clock skips midnight, that is later; if it skips a whole day, that
day is empty. Days follow each other without a gap, so every moment is in exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from personachat.errors import UsageQuestionInvalid

FIRST_DAY, LAST_DAY = date(1970, 1, 3), date(9999, 12, 29)
"""Days beyond these have no calls and can't be computed in every time zone."""

MOST_DAYS_BACK = 36_500

_DAYS_BACK = re.compile(r"(\d{1,6})d", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name. Raises UsageQuestionInvalid."""
    if name not in _zones():
        raise UsageQuestionInvalid(
            "This time zone doesn't exist.", hint="Use a name such as Europe/Berlin, or UTC."
        )
    return ZoneInfo(name)


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, or of the next one that exists, in UTC."""
    midnight = datetime.combine(day, time.min, zone)
    moment = midnight.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return moment
    # The clock skips this midnight: the day begins at the moment of the change.
    return _change(zone, midnight.replace(fold=1).astimezone(UTC) - timedelta(minutes=1), moment)


def today(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def day_of(text: str, *, now: datetime, zone: ZoneInfo) -> date:
    """A day as people write it: 2026-01-31, today, or 30d (the first of 30 days that end today).

    Raises UsageQuestionInvalid.
    """
    text = text.strip().lower()
    if text == "today":
        return today(now, zone)
    if back := _DAYS_BACK.fullmatch(text):
        days = int(back[1])
        if 1 <= days <= MOST_DAYS_BACK:
            return today(now, zone) - timedelta(days=days - 1)
    elif _DATE.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return min(max(day, FIRST_DAY), LAST_DAY)
    raise UsageQuestionInvalid("This is not a valid day.", hint="Write it as 2026-01-31, today or 30d.")


def offsets(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """When each offset from UTC starts to apply, between two moments in UTC; the first from `since`."""
    at, offset = since, _offset(zone, since)
    yield at, offset
    while at < until:
        later = at + timedelta(days=1)
        changed = _offset(zone, later)
        if changed != offset:
            offset = changed
            yield _change(zone, at, later), offset
        at = later


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the offset becomes that of `after`."""
    target = _offset(zone, after)
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == target:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
