"""Queues of messages for conversations whose last reply is still streaming.

First come, first served, with one queue per conversation. Waiting needs no thread, and a client that
disconnects while waiting has sent nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from starlette.requests import Request

from personachat.api.schemas import services_of
from personachat.replies.live import LiveReply

LOOK_SECONDS = 0.05
"""Seconds between two checks by the first in a queue: has the reply ended or paused, has the client left?"""


@dataclass(slots=True)
class _Queue:
    first: anyio.Lock = field(default_factory=anyio.Lock)
    length: int = 0


class MessageQueues:
    """The queues of this process. For one event loop."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], _Queue] = {}

    @asynccontextmanager
    async def first(self, owner: str, conversation_id: str) -> AsyncGenerator[None]:
        """Wait until nobody is ahead in this conversation's queue; inside the block we are first."""
        key = owner, conversation_id
        queue = self._queues.setdefault(key, _Queue())
        queue.length += 1
        try:
            async with queue.first:
                yield
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]


async def over(live_reply: LiveReply, request: Request) -> bool:
    """Wait, as a follower, until a reply ends or the client disconnects; False if the reply is paused.

    A paused reply may stay paused for ever, so nobody waits for it, nor on a server that shuts down.
    """
    runner = services_of(request).runner
    with live_reply.followed():
        while live_reply.live and not runner.draining and not await request.is_disconnected():
            if live_reply.state == "paused":
                return False
            await anyio.sleep(LOOK_SECONDS)
    return True
