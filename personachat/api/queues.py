"""Lines of messages: those that wait to be said in a conversation whose last reply is still coming.

First come, first served, one line a conversation. Waiting takes no thread, and whoever leaves the line
has said nothing.
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
"""How often the first in a line looks whether the reply has ended, or was paused, or its client has left."""


@dataclass(slots=True)
class _Line:
    first: anyio.Lock = field(default_factory=anyio.Lock)
    length: int = 0


class Lines:
    """The lines of this process. For one event loop."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}

    @asynccontextmanager
    async def first(self, owner: str, conversation_id: str) -> AsyncGenerator[None]:
        """Wait until nobody stands before us in this conversation's line; within, we are first."""
        key = owner, conversation_id
        line = self._lines.setdefault(key, _Line())
        line.length += 1
        try:
            async with line.first:
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[key]


async def over(live_reply: LiveReply, request: Request) -> bool:
    """Wait, as a follower, until a reply has ended or the client has left; False where it is paused.

    A paused reply may stay so for ever: there is no waiting for that, nor on a server that is to end.
    """
    runner = services_of(request).runner
    with live_reply.followed():
        while live_reply.live and not runner.draining and not await request.is_disconnected():
            if live_reply.state == "paused":
                return False
            await anyio.sleep(LOOK_SECONDS)
    return True
