"""Recurring work outside of any request: one thread, which survives every failure."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from personachat.errors import PersonaChatError

log = logging.getLogger(__name__)

CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Recurring work; its first run is at the start or, if something else does that, later."""

    do: Callable[[], object]
    every_seconds: float
    at_start: bool = True


class Housekeeping:
    """One per process. A chore that fails is tried again when it is next due."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = tuple(chores)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="personachat-housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns once no work is running."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)

    def _work(self) -> None:
        began = time.monotonic()
        due = [0.0 if chore.at_start else began + chore.every_seconds for chore in self._chores]
        while not self._closed.is_set():
            for at, chore in enumerate(self._chores):
                if time.monotonic() >= due[at] and not self._closed.is_set():
                    _attempt(chore)
                    due[at] = time.monotonic() + chore.every_seconds
            self._closed.wait(max(0.05, min(due) - time.monotonic()))


def _attempt(chore: Chore) -> None:
    try:
        chore.do()
    except PersonaChatError as error:
        log.debug("Housekeeping is waiting for the database: %s", error.code)  # which logs it itself
    except Exception:
        log.exception("Housekeeping failed")
