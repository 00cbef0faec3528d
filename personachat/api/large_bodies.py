"""Memory for large request bodies: how many bytes one part of the server may hold at once.

A body is in memory several times while its request is answered, so their number limits the memory. Small
bodies need no room. Large ones wait in order, before they are read. If the wait is too long, the client is
told to try again. A body of undeclared length takes the most it may have once it proves to be large.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from personachat.api.errors import Refused

SMALL_BYTES = 2 * 1024 * 1024
"""Bytes that need no room."""

AT_ONCE = 2
"""How many bodies of the largest size have room."""

WAIT_SECONDS = 60.0
RETRY_SECONDS = 10


class Room:
    """For one event loop. A body larger than all the room gets in alone."""

    def __init__(self) -> None:
        self._used_bytes = 0
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()

    @property
    def held_bytes(self) -> int:
        return self._used_bytes

    async def take(self, size: int, *, most: int, wait_seconds: float | None = None) -> None:
        """Wait until there is room for `size` more bytes below `most`. Raises TimeoutError."""
        if not self._waiting and self._fits(size, most):
            self._used_bytes += size
            return
        turn = size, most, asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS if wait_seconds is None else wait_seconds):
                await turn[2]
        except BaseException:
            if turn[2].done() and not turn[2].cancelled():
                self.give_back(size)
            elif turn in self._waiting:
                self._waiting.remove(turn)
                self._let_in()
            raise

    def give_back(self, size: int) -> None:
        self._used_bytes -= size
        self._let_in()

    def _fits(self, size: int, most: int) -> bool:
        return self._used_bytes == 0 or self._used_bytes + size <= most

    def _let_in(self) -> None:
        while self._waiting:
            size, most, turn = self._waiting[0]
            if not turn.done():
                if not self._fits(size, most):
                    return
                self._used_bytes += size
                turn.set_result(None)
            self._waiting.popleft()


@dataclass(slots=True)
class IncomingBody:
    """One incoming body of at most so many bytes."""

    room: Room
    at_most: int
    booked_bytes: int = 0
    received: int = field(default=0, init=False)

    async def announce(self, length: int) -> None:
        """Make room for a body that declares its length. Raises Refused after too long a wait."""
        if length > SMALL_BYTES:
            try:
                await self._take(length)
            except TimeoutError:
                raise _busy() from None

    def counted(self, receive: Receive) -> Callable[[], Awaitable[Message]]:
        """The received part, up to the limit."""

        async def receive_counted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            if self.received > self.at_most:
                raise HTTPException(413)
            if self.received > SMALL_BYTES and not self.booked_bytes:
                try:
                    await self._take(self.at_most)
                except TimeoutError:
                    raise HTTPException(503, headers={"Retry-After": str(RETRY_SECONDS)}) from None
            if self.booked_bytes > self.received and not message.get("more_body"):
                self._shrink()
            return message

        return receive_counted

    async def _take(self, size: int) -> None:
        await self.room.take(size, most=self.at_most * AT_ONCE)
        self.booked_bytes = size

    def _shrink(self) -> None:
        self.room.give_back(self.booked_bytes - self.received)
        self.booked_bytes = self.received

    @contextmanager
    def with_room(self) -> Iterator[None]:
        """Gives the room back at the end of the block."""
        try:
            yield
        finally:
            if self.booked_bytes:
                self.room.give_back(self.booked_bytes)
                self.booked_bytes = 0


def _busy() -> Refused:
    return Refused(
        503,
        "too_many_large_bodies",
        "Too many large requests at the same time.",
        hint="Try again in a moment.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
