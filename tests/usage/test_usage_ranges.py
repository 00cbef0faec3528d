"""Ranges of days by the clock of whoever looks, and the time before them, also over summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.errors import UsageQuestionInvalid
from personachat.usage.days import begins
from personachat.usage.ranges import LENGTHS, Range, range_of, trend

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("UTC", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 3, 30)),
        ("Pacific/Kiritimati", date(2026, 3, 30)),
        ("Pacific/Pago_Pago", date(2026, 3, 29)),
    ],
)
def test_today_is_the_day_of_who_looks(zone: str, day: date) -> None:
    now = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    assert range_of("today", now=now, zone=ZoneInfo(zone)) == Range(day, day)


def test_seven_days_over_the_change_to_summer_time_are_seven_days_and_an_hour_less() -> None:
    week = range_of("7d", now=datetime(2026, 3, 31, 12, tzinfo=UTC), zone=BERLIN)
    assert week == Range(date(2026, 3, 25), date(2026, 3, 31))
    assert week.before == Range(date(2026, 3, 18), date(2026, 3, 24))
    end = begins(week.last + timedelta(days=1), BERLIN)
    assert end - begins(week.first, BERLIN) == timedelta(days=7, hours=-1)
    assert begins(week.first, BERLIN) - begins(week.before.first, BERLIN) == timedelta(days=7)


@given(
    st.sampled_from(sorted(LENGTHS)),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone is added by what takes it
)
def test_a_range_has_its_days_once_and_the_time_before_ends_where_it_begins(name: str, now: datetime) -> None:
    found = range_of(name, now=now, zone=BERLIN)
    assert len(set(found.days())) == LENGTHS[name] == found.length == found.before.length
    assert found.days()[-1] == now.astimezone(BERLIN).date()
    assert found.before.last + timedelta(days=1) == found.first


def test_ones_own_range_is_read_from_the_address() -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    own = range_of("2026-02-27..2026-03-01", now=now, zone=BERLIN)
    assert [day.day for day in own.days()] == [27, 28, 1]


@pytest.mark.parametrize("name", ["", "yesterday", "..", "2026-03-02..2026-03-01", "2026-03-01..", "30"])
def test_what_is_no_range_is_refused(name: str) -> None:
    with pytest.raises(UsageQuestionInvalid):
        range_of(name, now=datetime(2026, 3, 31, tzinfo=UTC), zone=BERLIN)


@pytest.mark.parametrize(
    ("current", "earlier", "more"),
    [(15, 10, 0.5), (5, 10, -0.5), (0, 10, -1), (10, 0, None), (10, None, None), (None, 10, None)],
)
def test_nothing_is_compared_with_what_is_not_known(
    current: float | None, earlier: float | None, more: float | None
) -> None:
    assert trend(current, earlier) == more
