"""How much memory something takes at its worst; files that cost more than they should are told by it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

MOST_MEGABYTES = 100


@contextmanager
def little_memory() -> Iterator[None]:
    """Fails where what is done inside takes more than MOST_MEGABYTES."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEGABYTES * 1_000_000, f"{peak / 1e6:.0f} MB"
