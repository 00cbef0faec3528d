"""A reply as server-sent events: numbered, named, JSON in plain ASCII, and `[DONE]` at the end.

Nothing is sent before the reply's first event, so a failure before it becomes an HTTP status. The connection
counts as a follower from its start until it closes and doesn't affect the reply otherwise. While a reply is
paused, only heartbeats are sent.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import ExitStack, aclosing
from json.encoder import encode_basestring_ascii
from typing import Any, cast

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from personachat.api.errors import problem_of_reply
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Rethought,
    Started,
    TextDelta,
    UsageReported,
)
from personachat.replies.endings import INTERRUPTED
from personachat.replies.live import LiveReply

HEARTBEAT_SECONDS = 15.0
"""Seconds; shorter than the idle limits of common proxies (30 to 60 s)."""

DONE = b"data: [DONE]\n\n"
_HEARTBEAT = b": waiting\n\n"
_DELTA = 'id: {}\nevent: delta\ndata: {{"content": {}}}\n\n'
_REASONING = 'id: {}\nevent: reasoning\ndata: {{"content": {}}}\n\n'


class EventStream(Response):
    """Server-sent events about live replies, which count as followed until the client disconnects.

    They count from the creation of this object, not from the first wait: a busy server may need longer than
    an unwatched reply lives.
    """

    media_type = "text/event-stream"

    def __init__(self, live_replies: Iterable[LiveReply]) -> None:
        super().__init__(headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._following = ExitStack()
        for live_reply in live_replies:
            self._following.enter_context(live_reply.followed())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._following:
            async with anyio.create_task_group() as tasks:

                async def leave_with_the_client() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    tasks.cancel_scope.cancel()

                tasks.start_soon(leave_with_the_client)
                refused = await self._stream(EventWriter(send, self.raw_headers), tasks.start_soon)
                if refused is not None:
                    await refused(scope, receive, send)
                tasks.cancel_scope.cancel()

    async def _stream(self, writer: EventWriter, start_soon: Callable[..., object]) -> Response | None:
        """Send everything; returns the answer to give instead if nothing was sent."""
        raise NotImplementedError


class ReplyStream(EventStream):
    """Answers with a live reply's events after number `after`.

    A reply that fails as its next event is answered with a status, unless the stream has `begun` in another
    connection. `on_refused` is called then, in a thread.
    """

    def __init__(
        self,
        live_reply: LiveReply,
        *,
        after: int = 0,
        begun: bool = False,
        on_refused: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__([live_reply])
        self._live_reply = live_reply
        self._after = after
        self._begun = begun
        self._on_refused = on_refused

    async def _stream(self, writer: EventWriter, start_soon: Callable[..., object]) -> Response | None:
        """Send everything; returns the answer to give instead if the reply failed before its first event."""
        begun, last = self._begun, self._after
        end: ReplyEvent | None = None
        if begun:
            await writer.begin(start_soon)
        async with aclosing(batches(self._live_reply, self._after)) as numbered:
            async for number, events in numbered:
                if not begun:
                    if isinstance(events[0], Failed):
                        await anyio.to_thread.run_sync(self._on_refused)
                        return self.refusal(events[0])
                    await writer.begin(start_soon)
                    begun = True
                lines = [self.encode(at, event) for at, event in enumerate(events, number)]
                if isinstance(events[-1], (Finished, Failed)):
                    await self.ending()
                await writer.write("".join(lines).encode("ascii"))
                last, end = number + len(events) - 1, events[-1]
        if self._live_reply.state == "interrupted":
            if not begun:
                await anyio.to_thread.run_sync(self._on_refused)
                return self.refusal(INTERRUPTED)
            end = INTERRUPTED
            await writer.write(self.encode(last + 1, end).encode("ascii"))
        elif not begun:
            await writer.begin(start_soon)
        await writer.write(self.closing_after(end), last=True)
        return None

    async def ending(self) -> None:
        """Runs before the last event is sent."""

    def closing_after(self, _end: ReplyEvent | None) -> bytes:
        """What is sent after the last event; None if every event was sent earlier."""
        return DONE

    def refusal(self, failed: Failed) -> Response:
        """The answer if the reply failed before its first event."""
        return problem_of_reply(failed)

    def encode(self, number: int, event: ReplyEvent) -> str:
        """One event on the wire; "" if it isn't sent."""
        if isinstance(event, TextDelta):
            return _DELTA.format(number, encode_basestring_ascii(event.content))
        if isinstance(event, ReasoningDelta):
            return _REASONING.format(number, encode_basestring_ascii(event.content))
        name, data = named(event, self._live_reply)
        return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


class EventWriter:
    """The only writer of the body: a heartbeat can neither split an event nor follow the end."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self._lock = anyio.Lock(fast_acquire=True)
        self._over = False

    async def begin(self, start_soon: Callable[..., object]) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        start_soon(self._beat)

    async def write(self, data: bytes, *, last: bool = False) -> None:
        async with self._lock:
            if not self._over:
                self._over = last
                await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            await self.write(_HEARTBEAT)


def named(event: ReplyEvent, live_reply: LiveReply) -> tuple[str, dict[str, Any]]:
    """An event's name on the wire and its data; deltas are written elsewhere."""
    match event:
        case Started(provider, model):
            return "start", {
                "conversationId": live_reply.conversation_id,
                "messageId": live_reply.id,
                "personaId": live_reply.persona_id,
                "model": model,
                "provider": provider,
            }
        case UsageReported(usage, cost_usd):
            tokens = {"promptTokens": usage.prompt_tokens, "completionTokens": usage.completion_tokens}
            details = {"cachedTokens": usage.cached_tokens, "reasoningTokens": usage.reasoning_tokens}
            counts = {name: count for name, count in details.items() if count is not None}
            return "usage", {**tokens, **counts, "costUsd": cost_usd}
        case Rethought():
            return "rethought", {}
        case Noticed(message):
            return "notice", {"message": message}
        case Finished(reason):
            return "done", {"finishReason": reason}
        case Failed(code, message, _, retry_after):
            later = {} if retry_after is None else {"retryAfter": retry_after}
            return "error", {"code": code, "message": message, **later}
        case _:
            raise TypeError(f"{type(event).__name__} has no name on the wire")


async def batches(live_reply: LiveReply, after: int) -> AsyncGenerator[tuple[int, list[ReplyEvent]]]:
    """Events after number `after`, all pending ones at a time, with the number of the first."""
    events = cast("AsyncGenerator[tuple[int, ReplyEvent]]", live_reply.events(after))
    async with aclosing(events):
        async for number, event in events:
            if number > after:
                batch = [event, *live_reply.wait(number, timeout_seconds=0)]
                after = number + len(batch) - 1
                yield number, batch
