"""Replies that run on the process's own event loop, whoever watches.

A page or a request only watches. A rerun, a refresh or a closed connection doesn't touch the reply, unless
its conversation isn't kept and nobody has followed it for a moment. While a reply is paused, its provider
isn't read; at most one event waits and is added on resume. If the provider doesn't wait that long, the rest
is requested then. A paused reply keeps its slot until its connection is closed. When resumed it takes a slot
again, even above the limit.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from personachat.errors import (
    ConnectionLost,
    FirstTokenTimeout,
    IdleTimeout,
    PersonaChatError,
    ProviderFault,
    ProviderOverloaded,
    ProviderUnavailable,
    RateLimited,
    ReplyTruncated,
    ShuttingDown,
    StreamFailed,
    TooManyReplies,
    unforeseen,
)
from personachat.messages import Failed, ReplyEvent
from personachat.replies.live import LiveReply
from personachat.replies.loop import EngineLoop
from personachat.request_context import current_request
from personachat.usage.model import Call, CallRecorder, Unrecorded
from personachat.usage.words import current_words

log = logging.getLogger(__name__)
T = TypeVar("T")

EventSource: TypeAlias = Callable[[str], AsyncGenerator[ReplyEvent]]
"""Requests a reply, or the rest of one that already has this text."""

ABANDONED_SECONDS = 1.0
"""Seconds a reply that isn't kept may run unwatched: enough to reconnect, not enough to cost much."""

PAUSED_SECONDS = 120.0
"""Seconds the provider is kept waiting in a pause; after that the rest is requested again."""

LOST = frozenset(
    error.code
    for error in (
        ConnectionLost,
        FirstTokenTimeout,
        IdleTimeout,
        ProviderFault,
        ProviderOverloaded,
        ProviderUnavailable,
        RateLimited,
        ReplyTruncated,
        StreamFailed,
    )
)
"""Codes of failures that a pause may have caused, because nobody read what the provider sent."""

REMEMBERED = 100
"""How many ended replies stay in memory with their events. Older ones are read from the database."""


class ReplyRunner:
    """Starts replies on an event loop in a thread of its own, and finds them by id."""

    def __init__(
        self,
        *,
        max_concurrent: int,
        paused_seconds: float = PAUSED_SECONDS,
        calls: CallRecorder | None = None,
    ) -> None:
        """`calls` records each reply that this process generates, when it starts and when it ends."""
        self.max_concurrent = max_concurrent
        self._calls = calls or Unrecorded()
        self._paused_seconds = paused_seconds
        self._lock = threading.Lock()
        self._runner: dict[str, LiveReply] = {}
        self._tasks: dict[LiveReply, asyncio.Task[None]] = {}
        self._places: set[LiveReply] = set()
        self._loop = EngineLoop()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether no new replies start any more."""
        return self._draining

    @property
    def unfinished(self) -> int:
        """How many replies are generated here. Paused ones don't count: they may stay paused for ever."""
        with self._lock:
            return sum(not each.remote and each.state == "running" for each in self._runner.values())

    @property
    def running(self) -> int:
        """How many slots are in use."""
        return len(self._places)

    @property
    def closed(self) -> bool:
        return self._loop.closed

    def find(self, reply_id: str) -> LiveReply | None:
        return self._runner.get(reply_id)

    def start(
        self,
        live_reply: LiveReply,
        events: EventSource,
        *,
        on_ended: Callable[[LiveReply], None] = lambda _: None,
        remembered: bool = True,
    ) -> LiveReply:
        """Run a reply; `on_ended` is called once, on the engine's loop, after its last event.

        `events` is called with the text so far, and again if the rest has to be requested after a pause.
        Above the limit the reply fails at once with `too_many_replies`. A mirror of another process's reply
        takes no slot and is followed once: the reply returned may be an older one. Unless it is `remembered`,
        it can't be found once it has ended.
        """
        call = None if live_reply.remote else self._calls.begin(live_reply.origin, live_reply.counted)
        live_reply.request = call.request if call else None
        if call and call.words:
            earlier = len(live_reply.snapshot().text)
            call.words.reply = lambda: live_reply.snapshot().text[earlier:]
            live_reply.words = call.words

        def ended(live_reply: LiveReply) -> None:
            if call:
                self._calls.end(call)
            self._leave_place(live_reply)
            if not remembered:
                self._runner.pop(live_reply.id, None)
            self._loop.soon(self._end, live_reply, on_ended)

        live_reply.on_ended = ended
        live_reply.on_unfollowed = self._watch_over
        with self._lock:  # from here on anyone may find and stop it
            there = self._runner.get(live_reply.id)
            if live_reply.remote and there and there.live:
                return there
            admitted = live_reply.remote is not None or len(self._places) < self.max_concurrent
            if admitted and not live_reply.remote:
                self._places.add(live_reply)
            self._runner.pop(live_reply.id, None)  # a continued reply is one of the newest again
            self._runner[live_reply.id] = live_reply
            self._forget_the_oldest()
        if admitted:
            self._loop.soon(self._spawn, live_reply, events, call)
        else:
            message = f"All {self.max_concurrent} slots for replies are in use."
            failed = Failed.of(TooManyReplies(message, hint="Try again in a moment."))
            live_reply.end(replace(failed, request_id=call.request.id if call else ""))
        return live_reply

    def admit(self) -> None:
        """Call this before anything is recorded for a new reply. Raises ShuttingDown."""
        if self._draining:
            raise ShuttingDown

    def drain(self) -> None:
        """Start no new replies from now on. Running ones continue, and so do their followers."""
        self._draining = True

    def begin(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start a coroutine on the replies' loop without waiting.

        Raises RuntimeError if the loop has ended.
        """
        self._loop.begin(coroutine)

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T:
        """Run a coroutine on the replies' loop and wait for its result.

        Raises TimeoutError, what the coroutine raises, and RuntimeError or CancelledError if the loop ends.
        """
        return self._loop.ask(coroutine, timeout_seconds=timeout_seconds)

    def interrupt_all(self) -> int:
        """End what is still running and start nothing new; returns how many replies were cut off.

        What another process generates continues there; only its followers here are let go.
        """
        self.drain()
        with self._lock:
            live = [each for each in self._runner.values() if each.live]
        for live_reply in live:
            if live_reply.remote:
                live_reply.end(Failed.of(ShuttingDown()))
            else:
                live_reply.interrupt()
        return sum(not each.remote for each in live)

    def forget_all_of(self, owner: str) -> None:
        """Stop this owner's replies here and forget those that have ended."""
        with self._lock:
            theirs = [each for each in self._runner.values() if each.origin.owner == owner]
            for each in theirs:
                del self._runner[each.id]
        for each in theirs:
            if each.live and not each.remote:
                each.stop()

    def close(self) -> None:
        """Interrupt every reply and end the loop. Returns once the thread has ended."""
        if not self._loop.closed:
            self.interrupt_all()
            self._loop.close()

    def _spawn(self, live_reply: LiveReply, events: EventSource, call: Call | None) -> None:
        if live_reply.live:
            task = self._loop.task(self._run(live_reply, events, call))
            self._tasks[live_reply] = task
            self._watch_over(live_reply)

    async def _run(self, live_reply: LiveReply, events: EventSource, call: Call | None) -> None:
        current_words.set(live_reply.words)
        if live_reply.request:
            current_request.set(live_reply.request)
        try:
            if call:
                await self._calls.admit(call)
            await self._answer(live_reply, events)
        except PersonaChatError as refused:
            live_reply.end(Failed.of(refused))
        except Exception:
            log.exception("A reply failed unexpectedly")
        finally:
            live_reply.end(Failed.of(unforeseen()))

    async def _answer(self, live_reply: LiveReply, events: EventSource) -> None:
        """Add the events. If a pause made the provider give up, request the rest, once per pause."""
        next_event: ReplyEvent | None = None
        while True:
            if live_reply.state == "paused":
                self._leave_place(live_reply)
            await live_reply.resumed()
            if next_event and not live_reply.add(next_event):
                continue  # paused again
            if not live_reply.live:
                return
            next_event = None
            self._take_place(live_reply)
            pauses = live_reply.pauses
            async with aclosing(events(live_reply.snapshot().text)) as coming:
                async for event in coming:
                    if live_reply.pauses > pauses and isinstance(event, Failed) and event.code in LOST:
                        break
                    if not await self._passed(live_reply, event):
                        next_event = event
                        break
                else:
                    return

    async def _passed(self, live_reply: LiveReply, event: ReplyEvent) -> bool:
        """Add an event, after the pause if there is one; False if the pause lasts too long."""
        while not live_reply.add(event):
            try:
                async with asyncio.timeout(self._paused_seconds):
                    await live_reply.resumed()
            except TimeoutError:
                return False
        return True

    def _take_place(self, live_reply: LiveReply) -> None:
        with self._lock:
            if not live_reply.remote and live_reply.live:
                self._places.add(live_reply)

    def _leave_place(self, live_reply: LiveReply) -> None:
        with self._lock:
            self._places.discard(live_reply)

    def _end(self, live_reply: LiveReply, on_ended: Callable[[LiveReply], None]) -> None:
        task = self._tasks.pop(live_reply, None)
        if task is not None:
            task.cancel()
        if live_reply.remote and self._runner.get(live_reply.id) is live_reply:
            del self._runner[live_reply.id]  # what happens to it from here on isn't visible in this process
        try:
            on_ended(live_reply)
        except Exception:
            log.exception("The end of a reply couldn't be recorded")

    def _watch_over(self, live_reply: LiveReply) -> None:
        """Stop it if it isn't kept and still has no follower after a moment."""
        if not live_reply.durable:

            def check() -> None:
                if live_reply.followers == 0 and not live_reply.durable:
                    live_reply.stop()

            self._loop.later(ABANDONED_SECONDS, check)

    def _forget_the_oldest(self) -> None:
        if len(self._runner) > len(self._places) + 2 * REMEMBERED:  # not every time: it checks all of them
            ended = [g.id for g in self._runner.values() if not g.live]
            for reply_id in ended[:-REMEMBERED]:
                del self._runner[reply_id]
