"""How certain a share is: 95 % intervals, for few votes as well as many. Pure.

Wilson's score interval for one share; for the difference of two, Newcombe's, which consists of two of those
(Newcombe 1998, method 10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Z = 1.959963984540054
"""For 95 %."""

Verdict: TypeAlias = Literal["better", "worse", "undecided", "unknown"]


@dataclass(frozen=True, slots=True)
class Thumbs:
    """Counts of thumbs up and down."""

    up: int = 0
    down: int = 0

    @property
    def count(self) -> int:
        return self.up + self.down

    @property
    def share(self) -> float | None:
        """The share of thumbs up; None if there are none."""
        return self.up / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the share; 0 to 1 if there are no thumbs."""
        return wilson(self.up, self.count)

    def plus(self, other: Thumbs) -> Thumbs:
        return Thumbs(self.up + other.up, self.down + other.down)


def wilson(hits: float, count: int) -> tuple[float, float]:
    """The interval of a share."""
    if count == 0:
        return 0.0, 1.0
    share, squared = hits / count, Z * Z
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = Z / (1 + squared / count) * math.sqrt(share * (1 - share) / count + squared / (4 * count**2))
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == count else min(1.0, middle + half)
    return low, high


def difference(before: Thumbs, after: Thumbs) -> tuple[float, float]:
    """The interval of how much larger the share is afterwards."""
    old, new = before.share, after.share
    if old is None or new is None:
        return -1.0, 1.0
    (old_low, old_high), (new_low, new_high) = before.interval, after.interval
    step = new - old
    low = step - math.hypot(new - new_low, old_high - old)
    high = step + math.hypot(new_high - new, old - old_low)
    return max(-1.0, low), min(1.0, high)


def verdict(before: Thumbs, after: Thumbs) -> Verdict:
    """Whether it is liked better afterwards, if that is decided."""
    if not before.count or not after.count:
        return "unknown"
    low, high = difference(before, after)
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"
