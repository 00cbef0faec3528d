"""The `chat` tool: one reply per call, sent as progress while it streams, then complete.

A reply belongs to its call: whatever ends the call also ends the request to the provider. Nothing is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol, cast

import anyio
from mcp import types

from personachat.api.mcp.tools import ChatArguments, checked, named, refused
from personachat.chat.completions import CompletionRequest
from personachat.messages import ReplyEvent, TextDelta
from personachat.replies.endings import ENDINGS, cut_off_by, end_of
from personachat.replies.live import LiveReply
from personachat.request_context import current_request
from personachat.services.workspace import Workspace

PROGRESS_SECONDS = 0.05
"""Seconds of text gathered per progress message: a message per token would be too many."""

LEFT_SECONDS = 1.0
"""Seconds between two checks whether the caller is still connected."""


class Progress(Protocol):
    """Tells the client how far it is."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None: ...


class Chats:
    """The running replies of one server. For one event loop."""

    def __init__(self) -> None:
        self._running: set[LiveReply] = set()

    async def answer(
        self,
        arguments: Mapping[str, Any] | None,
        *,
        workspace: Callable[[], Workspace],
        progress: Progress | None,
        has_left: Callable[[], Awaitable[bool]] | None,
    ) -> types.CallToolResult:
        """Answer a call from this `workspace`.

        `progress` is None if the client doesn't want any. `has_left` tells whether the client has
        disconnected, if that can be known. Raises what `Completions.start` raises, and ArgumentsInvalid.
        """
        parsed = checked(ChatArguments, arguments)
        ask = CompletionRequest(messages=parsed.messages())
        completion = await anyio.to_thread.run_sync(
            lambda: workspace().complete(parsed.persona, ask, surface="mcp")
        )
        live_reply = completion.live_reply
        self._running.add(live_reply)
        watching = asyncio.create_task(_stop_once(live_reply, has_left)) if has_left else None
        try:
            return await _call_result(live_reply, progress)
        finally:
            live_reply.stop()  # does nothing if it has ended
            self._running.discard(live_reply)
            if watching:
                watching.cancel()

    def end(self) -> None:
        """Interrupt every reply. Each call gets the text so far, as an error."""
        for live_reply in list(self._running):
            live_reply.interrupt()


async def _call_result(live_reply: LiveReply, progress: Progress | None) -> types.CallToolResult:
    length = used = 0
    coming = cast("AsyncGenerator[tuple[int, ReplyEvent]]", live_reply.events())
    async with aclosing(coming):
        async for number, event in coming:
            if number <= used:
                continue
            batch = [event, *live_reply.wait(number, timeout_seconds=0)]
            used = number + len(batch) - 1
            new = "".join(event.content for event in batch if isinstance(event, TextDelta))
            length += len(new)
            if progress and new:
                await progress(length, message=new)
                await asyncio.sleep(PROGRESS_SECONDS if live_reply.live else 0)
    reply, end = live_reply.snapshot(), live_reply.ending
    if failure := cut_off_by(end):
        hint = f"{failure.hint} {named(current_request.get().id)}"
        return refused(failure.message, hint, arrived=reply.text)
    ending = ENDINGS[end_of(end)]
    notes = [f"[{notice}]" for notice in reply.notices]
    notes += [f"[{ending.sentence or ending.name}.]"] if ending.name else []
    blocks: list[types.ContentBlock] = [types.TextContent(text=part) for part in (reply.text, *notes)]
    return types.CallToolResult(
        content=blocks, _meta={"personachat/model": reply.model, "personachat/provider": reply.provider}
    )


async def _stop_once(live_reply: LiveReply, has_left: Callable[[], Awaitable[bool]]) -> None:
    while not await has_left():  # noqa: ASYNC110  # only asking tells
        await asyncio.sleep(LEFT_SECONDS)
    live_reply.stop()
