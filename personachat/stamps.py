"""What a new row is stamped with, an id and a moment; and the moments between which a day lies."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, tzinfo


def new_id() -> str:
    """A random id nobody can guess."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The moment, in UTC, as precisely as every database keeps it: to the microsecond."""
    return datetime.now(UTC)


def start_of(day: date, *, zone: tzinfo = UTC) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time(), tzinfo=zone)


def end_of(day: date, *, zone: tzinfo = UTC) -> datetime:
    """The first moment after a day; the end of time if there is no next one."""
    return start_of(day + timedelta(days=1) if day < date.max else day, zone=zone)
