"""Ids and times for new rows, and the times between which a day lies."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, tzinfo


def new_id() -> str:
    """A random id that nobody can guess."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The current time in UTC, to the microsecond, which every database can store."""
    return datetime.now(UTC)


def start_of(day: date, *, zone: tzinfo = UTC) -> datetime:
    """The first moment of a day in a time zone."""
    return datetime.combine(day, time(), tzinfo=zone)


def end_of(day: date, *, zone: tzinfo = UTC) -> datetime:
    """The first moment after a day; the end of time if there is no next day."""
    return start_of(day + timedelta(days=1) if day < date.max else day, zone=zone)
