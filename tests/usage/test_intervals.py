"""An interval says how far a share can be trusted, also of few thumbs and of none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.usage.intervals import Thumbs, difference, verdict, wilson


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(10, 10, 0.722, 1.0), (0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (81, 263, 0.255, 0.366), (0, 0, 0, 1)],
)
def test_the_interval_of_a_share_is_wilsons(hits: int, count: int, low: float, high: float) -> None:
    assert list(wilson(hits, count)) == pytest.approx([low, high], abs=0.001)


def test_the_interval_of_a_difference_is_newcombes() -> None:
    # The example of his paper: 56 of 70 and 48 of 80.
    assert list(difference(Thumbs(48, 32), Thumbs(56, 14))) == pytest.approx([0.0524, 0.3339], abs=0.0001)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Thumbs(3, 17), Thumbs(18, 2), "better"),
        (Thumbs(18, 2), Thumbs(3, 17), "worse"),
        (Thumbs(0, 1), Thumbs(1, 0), "undecided"),
        (Thumbs(50, 50), Thumbs(51, 49), "undecided"),
        (Thumbs(), Thumbs(9, 0), "unknown"),
        (Thumbs(9, 0), Thumbs(), "unknown"),
    ],
)
def test_a_save_is_better_or_worse_only_where_that_is_decided(
    before: Thumbs, after: Thumbs, said: str
) -> None:
    assert verdict(before, after) == said


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_share_lies_in_its_interval(up: int, down: int) -> None:
    thumbs = Thumbs(up, down)
    low, high = thumbs.interval
    assert 0 <= low <= high <= 1
    assert thumbs.share is None or low <= thumbs.share <= high
