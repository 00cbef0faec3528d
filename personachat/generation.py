"""One reply as numbered events, for any number of watchers.

Events are numbered from 1 and all kept, so a watcher may come, go and come again at any number. A
generation ends exactly once; what arrives after that is dropped.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from personachat.conversations.model import Reply, TurnState, new_id
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    UsageReported,
)


class Generation:
    """One reply. Safe for threads: the engine writes, any number of watchers read."""

    def __init__(
        self,
        reply_id: str | None = None,
        *,
        kept: bool = True,
        first: Reply | None = None,
        conversation_id: str = "",
        persona_id: str = "",
    ) -> None:
        self.id = reply_id or new_id()
        self.conversation_id = conversation_id
        self.persona_id = persona_id
        self.kept = kept
        self._condition = threading.Condition()
        self._events: list[ReplyEvent] = []
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._started = time.monotonic()
        self._reply = first or Reply()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._followers = 0
        self.on_unfollowed: Callable[[Generation], None] = lambda _: None
        self.on_ended: Callable[[Generation], None] = lambda _: None

    @property
    def state(self) -> TurnState:
        return self._reply.state

    @property
    def running(self) -> bool:
        return self._reply.state == "running"

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    @property
    def followers(self) -> int:
        return self._followers

    def snapshot(self) -> Reply:
        """The reply as it is now."""
        with self._condition:
            if len(self._text) > 1:
                self._text = ["".join(self._text)]
            if len(self._reasoning) > 1:
                self._reasoning = ["".join(self._reasoning)]
            return replace(self._reply, text="".join(self._text), reasoning="".join(self._reasoning))

    def wait(self, after: int, *, timeout_seconds: float) -> list[ReplyEvent]:
        """Events beyond number `after`, as soon as there is one; empty at the end or the timeout."""
        with self._condition:
            self._condition.wait_for(lambda: len(self._events) > after or not self.running, timeout_seconds)
            return self._events[after:]

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, ReplyEvent]]:
        """Each event beyond number `after` with its number, up to and with the last one; on any loop."""
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        with self.followed():
            while True:
                with self._condition:
                    new, over = self._events[after:], not self.running
                    if not new and not over:
                        self._sleepers.append((loop, wake))
                for event in new:
                    after += 1
                    yield after, event
                if over:
                    return
                if not new:
                    await wake.wait()
                    wake.clear()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Counts as a follower within."""
        with self._condition:
            self._followers += 1
        try:
            yield
        finally:
            with self._condition:
                self._followers -= 1
                alone = self._followers == 0 and self.running
            if alone:
                self.on_unfollowed(self)

    def stop(self) -> None:
        """End the reply here and now; the text that arrived stays."""
        self.add(Finished("stopped"))

    def add(self, event: ReplyEvent) -> None:
        """Take the next event; whatever comes after the end is dropped."""
        with self._condition:
            if not self.running:
                return
            self._fold(event)
            self._events.append(event)
            ended = not self.running
            self._condition.notify_all()
            sleepers, self._sleepers = self._sleepers, []
        for loop, wake in sleepers:
            with suppress(RuntimeError):  # that loop has closed: nobody sleeps there any more
                loop.call_soon_threadsafe(wake.set)
        if ended:
            self.on_ended(self)

    def _fold(self, event: ReplyEvent) -> None:
        elapsed = self.elapsed_seconds
        match event:
            case TextDelta(content):
                if not self._text:
                    thought = elapsed if self._reasoning else None
                    self._note_first_token(elapsed, reasoning_seconds=thought)
                self._text.append(content)
            case ReasoningDelta(content):
                self._note_first_token(elapsed)
                self._reasoning.append(content)
            case Started(provider, model):
                self._reply = replace(self._reply, provider=provider, model=model)
            case Noticed(message):
                self._reply = replace(self._reply, notices=(*self._reply.notices, message))
            case UsageReported(usage):
                self._reply = replace(self._reply, usage=usage)
            case Finished(reason):
                state: TurnState = "stopped" if reason == "stopped" else "finished"
                self._reply = replace(
                    self._reply, state=state, finish_reason=reason, duration_seconds=elapsed
                )
            case Failed():
                self._reply = replace(self._reply, state="failed", error=event, duration_seconds=elapsed)

    def _note_first_token(self, elapsed: float, *, reasoning_seconds: float | None = None) -> None:
        first = self._reply.first_token_seconds
        if first is None or reasoning_seconds is not None:
            self._reply = replace(
                self._reply,
                first_token_seconds=elapsed if first is None else first,
                reasoning_seconds=reasoning_seconds,
            )
