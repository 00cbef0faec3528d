"""How often running replies are drawn: smoothly to the eye, and less often if there is much to do.

All followers in the process share one `Pace`. It measures the processor time that the process spends per
frame, including everything else it does, and gives all of them together a share of one core. A few replies
are drawn right after text arrives, so that frames may be rarer and no word is later. Many are drawn at the
same ticks of the clock, so that a processor with many cores wakes, and the server sends, once for all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHORTEST_SECONDS = 0.021
"""Drawing more often costs processor time, and no eye sees the difference."""

PATIENCE_SECONDS = 0.012
"""Seconds a frame waits for the next words, to be drawn together with them and not just before."""

USUAL_SECONDS = 0.053
"""Still smooth to the eye, so frames slow down to this before anything else does."""

LONGEST_SECONDS = 0.25

CHEAP_SHARE = 0.25
"""The share of one core up to which frames come more often than USUAL_SECONDS."""

DEAR_SHARE = 0.7
"""The share of one core above which frames come less often than that."""

MEASURED_SECONDS = 0.5
"""Seconds measured before the next estimate."""

FIRST_COST_SECONDS = 0.0015
"""The cost of a frame before one was measured."""


def frame_seconds(*, live: int, cost_seconds: float) -> float:
    """Seconds between two frames if `live` replies are drawn and one frame takes this share of a core."""
    together = live * cost_seconds
    often = min(max(together / CHEAP_SHARE, SHORTEST_SECONDS), USUAL_SECONDS)
    return min(max(often, together / DEAR_SHARE), LONGEST_SECONDS)


class Pace:
    """The pace of one process. Safe for threads: if two make an estimate at once, either will do."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        """`clock` returns seconds, `used` the processor seconds of the process."""
        self._clock = clock
        self._used = used
        self._lock = threading.Lock()
        self._live = 0
        self._cost_seconds = FIRST_COST_SECONDS
        self._begin()

    def _begin(self) -> None:
        self._frames = 0
        self._since = self._clock()
        self._used_before = self._used()

    @contextmanager
    def one_more_reply(self) -> Iterator[None]:
        """Inside this block, one more reply is drawn at this pace."""
        with self._lock:
            if not self._live:
                self._begin()  # time in which nothing was drawn says nothing about frames
            self._live += 1
        try:
            yield
        finally:
            with self._lock:
                self._live -= 1

    def note_drawing(self) -> None:
        """A frame was drawn."""
        self._frames += 1

    def until_the_next(self, *, last: float) -> float:
        """Seconds until the next frame of a reply last drawn at `last` is due."""
        now = self._clock()
        if now - self._since >= MEASURED_SECONDS and self._frames:
            self._measure()
        frame = self._frame_seconds()
        return max(last + frame - now, 0) if self._few(frame) else frame - now % frame

    @property
    def patience_seconds(self) -> float:
        """Seconds that a due frame may wait for the next words."""
        return PATIENCE_SECONDS if self._few(self._frame_seconds()) else 0

    def _frame_seconds(self) -> float:
        return frame_seconds(live=self._live, cost_seconds=self._cost_seconds)

    def _few(self, frame: float) -> bool:
        return frame < USUAL_SECONDS

    def _measure(self) -> None:
        """Move the estimate half way to the measurement, so that one busy moment doesn't decide."""
        with self._lock:
            measured = (self._used() - self._used_before) / max(1, self._frames)
            self._cost_seconds = (self._cost_seconds + measured) / 2
            self._begin()


PACE = Pace()
