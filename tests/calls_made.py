"""How much work something is, counted in calls: the same on every machine, which no time is."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType


def calls_of(work: Callable[[], object]) -> int:
    """The number of functions, of Python and of C, that are called."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    was_collecting = gc.isenabled()
    gc.disable()  # else the rubbish of other tests would count, whenever it is collected
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        if was_collecting:
            gc.enable()
    return count
