"""A look at something that may never answer, such as a database or a network folder, which takes no time.

However often one looks, at most one thread waits for an answer; it serves everybody who asks meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Probe(Generic[T]):
    """One thing that is looked at. Safe for threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Future[T] | None = None

    async def look(self, ask: Callable[[], T], *, within_seconds: float) -> T | None:
        """What `ask` returns; None where that is not known in time, and then asking goes on."""
        waiting = asyncio.wrap_future(self._started(ask))
        done, _ = await asyncio.wait({waiting}, timeout=within_seconds)
        if not done:
            waiting.add_done_callback(_ignore_failure)
            return None
        return waiting.result()

    def _started(self, ask: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._running is None or self._running.done():
                # Of its own: a pool's threads would be waited for at the end of the process.
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
    """Nobody waits any more; a failure is no news then."""
    if not late.cancelled():
        late.exception()
