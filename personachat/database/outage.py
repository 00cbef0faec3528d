"""A database that can't be reached: one caller waits to find that out, the others fail at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout

log = logging.getLogger(__name__)

LONG_SECONDS = 0.5
"""Seconds; a faster failure costs little, and everybody tries again."""

MOST_SECONDS = 3.0
"""Seconds, at most, before a failure is checked again."""


class Outage:
    """The last failure to reach a database. Safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failure: Exception | None = None
        self._long = False
        self._until = 0.0
        self._ended = float("-inf")
        self._trying = threading.Lock()

    @property
    def is_on(self) -> bool:
        return self._failure is not None

    @property
    def over_for(self) -> float:
        """Seconds since a known failure ended; infinite if there was none."""
        return self._clock() - self._ended

    def now(self) -> float:
        """Seconds by the clock that `over_for` reads."""
        return self._clock()

    def note(self, failure: Exception, *, took: float) -> None:
        """Something failed after so many seconds because the database doesn't answer.

        A failure that was only repeated doesn't count as a new one.
        """
        if failure is self._failure:
            return
        self._long = took >= LONG_SECONDS
        self._until = self._clock() + (min(took, MOST_SECONDS) if self._long else 0)
        self._failure = failure

    @contextmanager
    def reaching(self, *, since: float) -> Iterator[None]:
        """Try to reach it, unless that has just failed: then the same error is raised at once.

        "Just" means for as long as the failure took, if that was long. After that one caller tries again, and
        the others fail until it has succeeded. A caller whose `since` is before the failure doesn't wait
        again. A pool without a free connection is no outage.
        """
        failure = self._failure
        if failure is not None and since < self._until:
            raise failure.with_traceback(None)
        alone = failure is not None and self._long
        if alone and failure is not None and not self._trying.acquire(blocking=False):
            raise failure.with_traceback(None)
        began = self._clock()
        try:
            yield
        except PoolTimeout:
            raise
        except Exception as error:
            self.note(error, took=self._clock() - began)
            raise
        else:
            if self._failure is not None:
                self._ended = self._clock()
                log.warning("The database answers again.")
            self._failure = None
        finally:
            if alone:
                self._trying.release()
