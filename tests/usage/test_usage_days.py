"""Days of a time zone: every moment is in exactly one, over summer time and the date line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.errors import UsageQuestionInvalid
from personachat.usage.days import begins, day_of, offsets, today, zone_of

ZONES = sorted(
    name for name in available_timezones() if not name.startswith(("posix/", "right/", "localtime"))
)


def hours(zone: str, day: date) -> float:
    there = ZoneInfo(zone)
    return (begins(day + timedelta(days=1), there) - begins(day, there)) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "long"),
    [
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Beirut", date(2026, 3, 29), 23),  # its clock skips midnight
        ("America/Havana", date(2026, 3, 8), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),  # it has an hour before midnight twice
        ("America/Scoresbysund", date(2024, 3, 31), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),  # it went over the date line
        ("Pacific/Apia", date(2011, 12, 31), 24),
        ("Pacific/Kwajalein", date(1993, 8, 21), 0),
        ("Asia/Kathmandu", date(2026, 1, 1), 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, day: date, long: float) -> None:
    assert hours(zone, day) == long


def test_days_on_both_sides_of_the_date_line_begin_25_hours_apart() -> None:
    day = date(2026, 6, 1)
    assert begins(day, ZoneInfo("Pacific/Kiritimati")) == datetime(2026, 5, 31, 10, tzinfo=UTC)
    assert begins(day, ZoneInfo("Pacific/Pago_Pago")) == datetime(2026, 6, 1, 11, tzinfo=UTC)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone is added by what takes it
)
def test_every_moment_is_in_the_day_that_its_clock_shows(name: str, moment: datetime) -> None:
    zone = ZoneInfo(name)
    day = today(moment, zone)
    assert begins(day, zone) <= moment < begins(day + timedelta(days=1), zone)


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2037, 1, 1)))
def test_days_begin_with_a_quarter_of_an_hour_since_calls_are_counted(name: str, day: date) -> None:
    if day.year >= 2020:
        assert begins(day, ZoneInfo(name)).timestamp() % 900 == 0


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone is added by what takes it
    st.integers(0, 400),
)
def test_offsets_say_what_the_clock_shows_at_any_moment(name: str, since: datetime, span: int) -> None:
    zone = ZoneInfo(name)
    until = since + timedelta(days=span)
    changes = list(offsets(zone, since, until))
    for number, (at, offset) in enumerate(changes):
        assert at.astimezone(zone).utcoffset() == offset
        if number:
            assert (at - timedelta(minutes=1)).astimezone(zone).utcoffset() == changes[number - 1][1]
    assert until.astimezone(zone).utcoffset() in {offset for _, offset in changes}


NOW = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("today", "UTC", date(2026, 3, 29)),
        ("today", "Europe/Berlin", date(2026, 3, 30)),
        ("today", "Pacific/Pago_Pago", date(2026, 3, 29)),
        ("1d", "Europe/Berlin", date(2026, 3, 30)),
        ("30d", "Europe/Berlin", date(2026, 3, 1)),
        (" 7D ", "UTC", date(2026, 3, 23)),
        ("2024-02-29", "UTC", date(2024, 2, 29)),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, zone: str, day: date) -> None:
    assert day_of(text, now=NOW, zone=ZoneInfo(zone)) == day


@pytest.mark.parametrize(
    "text", ["", "0d", "999999d", "-3d", "2026-02-30", "yesterday", "20260101", "\uff13\uff10d"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(UsageQuestionInvalid):
        day_of(text, now=NOW, zone=ZoneInfo("UTC"))


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "utc\0"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageQuestionInvalid):
        zone_of(name)
