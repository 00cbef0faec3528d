"""A task that waits for what happens on other threads."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Sleeper:
    """Belongs to the task and the loop it is made in; woken from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()

    async def woken(self) -> None:
        """Wait for `wake`, or return at once where it was called since the last time."""
        await self._bell.wait()
        self._bell.clear()

    def wake(self) -> None:
        with suppress(RuntimeError):  # the loop has closed: nobody sleeps there any more
            self._loop.call_soon_threadsafe(self._bell.set)
