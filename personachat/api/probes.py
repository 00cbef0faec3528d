"""A check of something that may never answer, such as a database or a network folder, in limited time.

However often it is checked, at most one thread waits for an answer, which everyone who checks meanwhile gets.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Probe(Generic[T]):
    """One thing to check. Safe for threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Future[T] | None = None

    async def look(self, ask: Callable[[], T], *, within_seconds: float) -> T | None:
        """The result of `ask`; None if it isn't known in time.

        The question then continues in the background.
        """
        waiting = asyncio.wrap_future(self._started(ask))
        done, _ = await asyncio.wait({waiting}, timeout=within_seconds)
        if not done:
            waiting.add_done_callback(_ignore_failure)
            return None
        return waiting.result()

    def _started(self, ask: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._running is None or self._running.done():
                # Its own thread: the process would wait for a pool's threads at its end.
                self._running = Future()
                thread = threading.Thread(
                    target=_answer, args=(self._running, ask), name="personachat-probe", daemon=True
                )
                thread.start()
            return self._running


def _answer(future: Future[T], ask: Callable[[], T]) -> None:
    try:
        future.set_result(ask())
    except BaseException as error:  # noqa: BLE001  # whoever waits for it gets it
        future.set_exception(error)


def _ignore_failure(late: asyncio.Future[T]) -> None:
    """Nobody waits any more, so a failure doesn't matter."""
    if not late.cancelled():
        late.exception()
