"""The event loop that replies run on, in a thread of its own, and waking a task from other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar


class Sleeper:
    """Belongs to the task and the loop it was created in; any thread can wake it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()

    async def woken(self) -> None:
        """Wait for `wake`. Returns at once if it was called since the last time."""
        await self._bell.wait()
        self._bell.clear()

    def wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits on it any more
            self._loop.call_soon_threadsafe(self._bell.set)


T = TypeVar("T")

CLOSING_SECONDS = 10.0


class EngineLoop:
    """Runs from creation until `close`. Safe for threads."""

    def __init__(self) -> None:
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="personachat-engine", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        return not self._thread.is_alive()

    def soon(self, call: Callable[..., object], *arguments: object) -> None:
        """Call something on the loop. Raises RuntimeError if it is closed."""
        self._loop.call_soon_threadsafe(call, *arguments)

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """The same, after some seconds."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, call)

    def task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task. Call it on the loop."""
        return self._loop.create_task(coroutine)

    def begin(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start a coroutine on the loop without waiting. Raises RuntimeError if the loop has ended."""
        try:
            asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T:
        """Run a coroutine on the loop and wait for its result.

        Raises TimeoutError, and RuntimeError or CancelledError if the loop has ended or ends.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
        try:
            return future.result(timeout_seconds)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel every task and end the loop. Returns once the thread has ended."""
        if self.closed:
            return
        asyncio.run_coroutine_threadsafe(_drain(), self._loop).result(CLOSING_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING_SECONDS)
        self._loop.close()


async def _drain() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _new_loop() -> asyncio.AbstractEventLoop:
    """The loop of uvloop, which needs half the time per token of asyncio's own; not available on Windows."""
    try:
        import uvloop  # noqa: PLC0415  # there is none for Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
