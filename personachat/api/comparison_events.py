"""The replies of a comparison as one stream of server-sent events; `variant` says whose each event is.

What would spoil a blind vote is not sent: only text and ends, and those once the last reply has ended. The
replies continue if the connection closes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from personachat.api.events import DONE, EventStream, EventWriter, batches, named
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison
from personachat.messages import ReasoningDelta, ReplyEvent, TextDelta
from personachat.replies.endings import INTERRUPTED
from personachat.replies.live import LiveReply


class ComparisonStream(EventStream):
    """Answers with all events of these replies from the start, as they come."""

    def __init__(
        self,
        comparison: SeenComparison,
        columns: Sequence[tuple[str, LiveReply]],
        *,
        hidden: Callable[[], Sequence[SeenAnswer]] | None,
    ) -> None:
        """`hidden` returns what may be seen of a blind comparison once all replies have ended."""
        super().__init__(live_reply for _, live_reply in columns)
        letters = [each.letter for each in comparison.last.answers] if comparison.last else []
        self._head = {"id": comparison.id, "number": len(comparison.rounds), "variants": letters}
        self._columns = columns
        self._hidden = hidden

    async def _stream(self, writer: EventWriter, start_soon: Callable[..., object]) -> None:
        await writer.begin(start_soon)
        await writer.write(_line("comparison", self._head))
        if self._hidden is not None:
            for _, live_reply in self._columns:
                async with aclosing(batches(live_reply, 0)) as numbered:
                    async for _ in numbered:
                        pass
            answers = await run_in_threadpool(self._hidden)
            await writer.write(b"".join(chain.from_iterable(map(self._at_once, answers))))
            await writer.write(DONE, last=True)
            return
        async with anyio.create_task_group() as columns:
            for letter, live_reply in self._columns:
                columns.start_soon(self._follow, writer, letter, live_reply)
        await writer.write(DONE, last=True)

    async def _follow(self, writer: EventWriter, letter: str, live_reply: LiveReply) -> None:
        async with aclosing(batches(live_reply, 0)) as numbered:
            async for _, events in numbered:
                lines = [self._encode(event, letter, live_reply) for event in events]
                await writer.write(b"".join(lines))
        if live_reply.state == "interrupted":
            await writer.write(self._encode(INTERRUPTED, letter, live_reply))

    @staticmethod
    def _at_once(answer: SeenAnswer) -> Iterator[bytes]:
        """The visible part of an ended reply: not who wrote it, and not how fast."""
        variant = {"variant": answer.letter}
        yield _line("start", variant)
        yield _line("delta", variant | {"content": answer.text})
        yield _line("done" if answer.state in {"finished", "stopped"} else "error", variant)

    def _encode(self, event: ReplyEvent, letter: str, live_reply: LiveReply) -> bytes:
        variant = {"variant": letter}
        if isinstance(event, TextDelta):
            return _line("delta", variant | {"content": event.content})
        if isinstance(event, ReasoningDelta):
            return _line("reasoning", variant | {"content": event.content})
        name, data = named(event, live_reply)
        data.pop("conversationId", None)  # its conversation isn't one of the caller's
        return _line(name, variant | data)


def _line(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")
