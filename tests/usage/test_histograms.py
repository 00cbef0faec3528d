"""Durations packed into buckets, and the percentiles that come out of them."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from personachat.usage import day_times, histograms


def test_buckets_follow_each_other_without_a_gap() -> None:
    assert histograms.bucket_of(-5) == histograms.bucket_of(0) == 0
    values = [0.1 * 1.005**n for n in range(4_600)]
    found = [histograms.bucket_of(value) for value in values]
    assert all(0 <= after - before <= 1 for before, after in pairwise(found))
    assert found[-1] == histograms.BUCKETS - 1
    assert histograms.bucket_of(1e30) == histograms.BUCKETS - 1
    for value in values[1:-600]:
        assert histograms.value_of(histograms.bucket_of(value)) == pytest.approx(value, rel=0.0101)


@pytest.mark.parametrize("spreads", [[[]], [[(0, 5.0)], []], [[(95, 1e12), (0, 0.0), (40, 7.0), (40, 7.0)]]])
def test_what_is_packed_comes_back(spreads: list[list[tuple[int, float]]]) -> None:
    packed = histograms.unpacked(histograms.packed(spreads))
    assert len(packed) == len(spreads)
    for day, spread in zip(packed, spreads, strict=True):
        whole = histograms.Spread()
        whole.add_whole(day.whole)
        assert whole.quantiles((1.0,))[0] == len(spread)
        assert sorted(day.between(0, 96)) == sorted(histograms.bucket_of(value) for _, value in spread)
        assert len(day.between(40, 41)) == sum(quarter == 40 for quarter, _ in spread)
    for places in (range(len(spreads)), (len(spreads) - 1,)):
        counts = histograms.counted_in(histograms.packed(spreads), places)
        assert counts == [packed[place].whole for place in places]


def test_few_values_have_the_percentiles_that_they_have() -> None:
    spread = histograms.Spread()
    assert spread.quantiles((0.5, 0.95)) == (0, (None, None))
    spread.add(map(histograms.bucket_of, (400, 500, 600)))
    calls, (p50, p95) = spread.quantiles((0.5, 0.95))
    assert calls == 3
    assert p50 == pytest.approx(500, rel=0.01)
    assert p95 == pytest.approx(600, rel=0.01)
    assert statistics.median([400, 500, 600]) == 500


def test_times_of_a_day_come_back_by_kind_and_quarter() -> None:
    calls: dict[int, list[day_times.Measured]] = {
        70_000: [(95, (400.0, None, 7.0)), (0, (1e12, 0.0, None))],
        3: [(40, (None, None, None))],
    }
    day = day_times.unpacked(day_times.packed(calls))
    assert [(kind, ends - begins) for kind, begins, ends in day.kinds()] == [(3, 1), (70_000, 2)]
    (_, *none), (_, *two) = day.kinds()
    assert day_times.counted(day.buckets(*none)) == [{}, {}, {}]
    assert day_times.counted(day.buckets(*two)) == [
        {histograms.bucket_of(400): 1, histograms.BUCKETS - 1: 1},
        {0: 1},
        {histograms.bucket_of(7): 1},
    ]
    assert day_times.counted(day.between(*two, first=0, end=95))[1:] == [{0: 1}, {}]
    assert not day.between(*two, first=1, end=95)
    assert not list(day_times.unpacked(day_times.packed({})).kinds())
