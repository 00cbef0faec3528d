"""The replies of a comparison as one stream of server-sent events; each says by `variant` whose it is.

What a blind vote must not know is not sent: then there are words and ends, and nothing else, and they come
when the last reply has ended. The replies go on when the connection closes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing
from itertools import chain
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from personachat.api.events import DONE, EventWriter, batches, named
from personachat.messages import ReasoningDelta, ReplyEvent, TextDelta
from personachat.replies.endings import INTERRUPTED
from personachat.replies.live import LiveReply


class ComparisonStream(Response):
    """Answers with all events of these replies from their beginning, as they come."""

    media_type = "text/event-stream"

    def __init__(
        self, comparison_id: str, number: int, columns: Sequence[tuple[str, LiveReply]], *, hidden: bool
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._head = {"id": comparison_id, "number": number, "variants": [letter for letter, _ in columns]}
        self._columns = columns
        self._hidden = hidden
        self._following = ExitStack()
        for _, live_reply in columns:
            self._following.enter_context(live_reply.followed())

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        with self._following:
            async with anyio.create_task_group() as tasks:

                async def leave_with_the_client() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    tasks.cancel_scope.cancel()

                tasks.start_soon(leave_with_the_client)
                await self._stream(EventWriter(send, self.raw_headers), tasks.start_soon)
                tasks.cancel_scope.cancel()

    async def _stream(self, writer: EventWriter, start_soon: Callable[..., object]) -> None:
        await writer.begin(start_soon)
        await writer.write(_line("comparison", self._head))
        if self._hidden:
            for _, live_reply in self._columns:
                async with aclosing(batches(live_reply, 0)) as numbered:
                    async for _ in numbered:
                        pass
            told = (self._at_once(letter, live_reply) for letter, live_reply in self._columns)
            await writer.write(b"".join(chain.from_iterable(told)))
            await writer.write(DONE, last=True)
            return
        async with anyio.create_task_group() as columns:
            for letter, live_reply in self._columns:
                columns.start_soon(self._follow, writer, letter, live_reply)
        await writer.write(DONE, last=True)

    async def _follow(self, writer: EventWriter, letter: str, live_reply: LiveReply) -> None:
        async with aclosing(batches(live_reply, 0)) as numbered:
            async for _, events in numbered:
                lines = [self._told(event, letter, live_reply) for event in events]
                await writer.write(b"".join(lines))
        if live_reply.state == "interrupted":
            await writer.write(self._told(INTERRUPTED, letter, live_reply))

    @staticmethod
    def _at_once(letter: str, live_reply: LiveReply) -> Iterator[bytes]:
        """A reply that has ended, without a word about who wrote it and how fast."""
        variant = {"variant": letter}
        reply = live_reply.snapshot()
        yield _line("start", variant)
        yield _line("delta", variant | {"content": reply.text})
        yield _line("error" if reply.state in {"failed", "interrupted"} else "done", variant)

    def _told(self, event: ReplyEvent, letter: str, live_reply: LiveReply) -> bytes:
        variant = {"variant": letter}
        if isinstance(event, TextDelta):
            return _line("delta", variant | {"content": event.content})
        if isinstance(event, ReasoningDelta):
            return _line("reasoning", variant | {"content": event.content})
        name, data = named(event, live_reply)
        data.pop("conversationId", None)  # it is none of the caller's conversations
        return _line(name, variant | data)


def _line(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")
