"""How often running replies are drawn: as fluently as an eye can tell, less often the more there is to do.

All followers in the process share one `Pace`. It measures how much processor time the process spends for
each frame, whatever else it is busy with included, and gives all of them together a share of one core. A few
of them draw right after words have come, so that frames may be rarer and no word is later. Many draw at the
same ticks of the clock, so that a processor with many of them wakes, and the server sends, once for all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHORTEST_SECONDS = 0.021
"""More often than this costs processor time, and no eye tells the words' coming from a continuous one."""

PATIENCE_SECONDS = 0.012
"""So long a frame waits for the next words, to be drawn together with them instead of just before them."""

USUAL_SECONDS = 0.053
"""Below what an eye tells from continuous text, so frames are as rare as this before anything else gives."""

LONGEST_SECONDS = 0.25

CHEAP_SHARE = 0.25
"""Frames come more often than USUAL_SECONDS while they take no more than this of one core."""

DEAR_SHARE = 0.7
"""Frames come less often than that only where they would take more than this of one core."""

MEASURED_SECONDS = 0.5
"""How long is measured before the next estimate."""

FIRST_COST_SECONDS = 0.0015
"""What a frame is taken to cost before one was measured."""


def frame_seconds(*, live: int, cost_seconds: float) -> float:
    """The time between two frames where `live` replies are drawn and one frame costs so much of a core."""
    together = live * cost_seconds
    often = min(max(together / CHEAP_SHARE, SHORTEST_SECONDS), USUAL_SECONDS)
    return min(max(often, together / DEAR_SHARE), LONGEST_SECONDS)


class Pace:
    """The pace of one process. Safe for threads: an estimate that two of them make at once is as good."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
    ) -> None:
        """`clock` gives seconds, `used` the processor seconds of the process."""
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
        """Within, one more reply is drawn at this pace."""
        with self._lock:
            if not self._live:
                self._begin()  # what was done while nothing was drawn says nothing about frames
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
        """Seconds until a frame is due whose reply was drawn `last` then."""
        now = self._clock()
        if now - self._since >= MEASURED_SECONDS and self._frames:
            self._measure()
        frame = self._frame_seconds()
        return max(last + frame - now, 0) if self._few(frame) else frame - now % frame

    @property
    def patience_seconds(self) -> float:
        """How long a frame that is due may wait for the next words."""
        return PATIENCE_SECONDS if self._few(self._frame_seconds()) else 0

    def _frame_seconds(self) -> float:
        return frame_seconds(live=self._live, cost_seconds=self._cost_seconds)

    def _few(self, frame: float) -> bool:
        return frame < USUAL_SECONDS

    def _measure(self) -> None:
        """Move the estimate half the way to what was measured, so that one busy moment does not decide."""
        with self._lock:
            measured = (self._used() - self._used_before) / max(1, self._frames)
            self._cost_seconds = (self._cost_seconds + measured) / 2
            self._begin()


PACE = Pace()
