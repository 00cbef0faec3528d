"""A database that cannot be reached: one waits to find that out, the others are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout

LONG_SECONDS = 0.5
"""A failure that took less costs nobody anything, and is tried again by everybody."""

MOST_SECONDS = 10.0
"""How long a failure is remembered at most."""


class Outage:
    """The last failure to reach a database. Safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failure: Exception | None = None
        self._until = 0.0

    def now(self) -> float:
        """By the clock of `asked`, in seconds."""
        return self._clock()

    @contextmanager
    def reaching(self, *, asked: float) -> Iterator[None]:
        """Try to reach it, unless that has just failed: then the same is raised at once.

        Just means for as long as the failure had taken, where that was long; and whoever had `asked` before
        it was known does not wait again. A pool without a free connection is no outage.
        """
        failure = self._failure
        if failure is not None and asked < self._until:
            raise failure.with_traceback(None)
        began = self._clock()
        try:
            yield
        except PoolTimeout:
            raise
        except Exception as error:
            ended = self._clock()
            took = ended - began
            self._until = ended + (min(took, MOST_SECONDS) if took >= LONG_SECONDS else 0)
            self._failure = error
            raise
        self._failure = None
