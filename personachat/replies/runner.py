"""Replies that run on the process's own event loop, whoever watches.

A page or a request only ever watches: neither a rerun, a refresh nor a closed connection touches the
reply itself, unless its conversation is not kept and nobody has followed it for a moment.

While a reply is paused its provider is not read. One event at most is on its way, and is added when the
reply goes on. If the provider does not wait, the rest is asked for then. A paused reply keeps its place
among those at once until its connection is closed; resumed, it takes one again, were it one too many.
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
from personachat.replies.live import Generation
from personachat.replies.loop import EngineLoop
from personachat.request_context import current_request
from personachat.usage.model import Calls, Unrecorded
from personachat.usage.words import current_words

log = logging.getLogger(__name__)
T = TypeVar("T")

Asked: TypeAlias = Callable[[str], AsyncGenerator[ReplyEvent]]
"""Asks for a reply, or for the rest of one of which this text is there."""

ABANDONED_SECONDS = 1.0
"""How long a reply nobody keeps may run unwatched: long enough to reconnect, short enough to stop paying."""

PAUSED_SECONDS = 120.0
"""How long the provider is kept waiting in a pause; after that the rest is asked for anew."""

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
"""Codes of failures that a pause may be the cause of: nobody read what the provider sent."""

REMEMBERED = 100
"""Ended generations that stay in memory, event by event; older ones come from where they are recorded."""


class Generations:
    """Starts replies on an event loop in a thread of its own, and finds them by id."""

    def __init__(
        self, *, max_concurrent: int, paused_seconds: float = PAUSED_SECONDS, calls: Calls | None = None
    ) -> None:
        """`calls` is where each reply that this process generates is noted when it begins and ends."""
        self.max_concurrent = max_concurrent
        self._calls = calls or Unrecorded()
        self._paused_seconds = paused_seconds
        self._lock = threading.Lock()
        self._generations: dict[str, Generation] = {}
        self._tasks: dict[Generation, asyncio.Task[None]] = {}
        self._places: set[Generation] = set()
        self._loop = EngineLoop()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether no new replies are taken any more."""
        return self._draining

    @property
    def unfinished(self) -> int:
        """How many replies are being generated here; paused ones do not count, they may stay so for ever."""
        with self._lock:
            return sum(not each.remote and each.state == "running" for each in self._generations.values())

    @property
    def running(self) -> int:
        """How many of the places are taken."""
        return len(self._places)

    @property
    def closed(self) -> bool:
        return self._loop.closed

    def find(self, reply_id: str) -> Generation | None:
        return self._generations.get(reply_id)

    def start(
        self,
        generation: Generation,
        events: Asked,
        *,
        on_ended: Callable[[Generation], None] = lambda _: None,
        remembered: bool = True,
    ) -> Generation:
        """Run a reply; `on_ended` is called once, on the engine's loop, after its last event.

        `events` is called with the text that is there, and again where the rest has to be asked for after
        a pause. Above the limit the generation fails at once with `too_many_replies`. What another
        process generates takes no place, and is followed once: the one that is returned may be an older one.
        One that is not `remembered` cannot be found once it has ended.
        """
        call = None if generation.remote else self._calls.begin(generation.origin, generation.counted)
        generation.request = call.request if call else None
        if call and call.words:
            earlier = len(generation.snapshot().text)
            call.words.reply = lambda: generation.snapshot().text[earlier:]
            generation.words = call.words

        def ended(generation: Generation) -> None:
            if call:
                self._calls.end(call)
            self._leave_place(generation)
            if not remembered:
                self._generations.pop(generation.id, None)
            self._loop.soon(self._end, generation, on_ended)

        generation.on_ended = ended
        generation.on_unfollowed = self._watch_over
        with self._lock:  # from here on anybody may find it, and stop it
            there = self._generations.get(generation.id)
            if generation.remote and there and there.live:
                return there
            admitted = generation.remote is not None or len(self._places) < self.max_concurrent
            if admitted and not generation.remote:
                self._places.add(generation)
            self._generations.pop(generation.id, None)  # a continued reply is one of the newest again
            self._generations[generation.id] = generation
            self._forget_the_oldest()
        if admitted:
            self._loop.soon(self._spawn, generation, events)
        else:
            taken = f"All {self.max_concurrent} slots for replies are in use."
            failed = Failed.of(TooManyReplies(taken, hint="Try again in a moment."))
            generation.end(replace(failed, request_id=call.request.id if call else ""))
        return generation

    def admit(self) -> None:
        """To be asked before anything is recorded for a new reply. Raises ShuttingDown."""
        if self._draining:
            raise ShuttingDown

    def drain(self) -> None:
        """Take no new replies from now on. Those that run go on, and so do those who follow them."""
        self._draining = True

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T:
        """See EngineLoop.ask."""
        return self._loop.ask(coroutine, timeout_seconds=timeout_seconds)

    def interrupt_all(self) -> int:
        """End what is left, and take nothing new; returns how many replies were cut off.

        What another process generates goes on there: only those who follow it from here are let go.
        """
        self.drain()
        with self._lock:
            live = [each for each in self._generations.values() if each.live]
        for generation in live:
            if generation.remote:
                generation.end(Failed.of(ShuttingDown()))
            else:
                generation.interrupt()
        return sum(not each.remote for each in live)

    def close(self) -> None:
        """Interrupt every reply and end the loop; returns once the thread has ended."""
        if not self._loop.closed:
            self.interrupt_all()
            self._loop.close()

    def _spawn(self, generation: Generation, events: Asked) -> None:
        if generation.live:
            task = self._loop.task(self._run(generation, events))
            self._tasks[generation] = task
            self._watch_over(generation)

    async def _run(self, generation: Generation, events: Asked) -> None:
        current_words.set(generation.words)
        if generation.request:
            current_request.set(generation.request)
        try:
            await self._answer(generation, events)
        except Exception:
            log.exception("A reply failed in a way nobody foresaw")
        finally:
            generation.end(Failed.of(unforeseen()))

    async def _answer(self, generation: Generation, events: Asked) -> None:
        """Add the events; ask for the rest where the provider was lost because of a pause, once for each."""
        held: ReplyEvent | None = None
        while True:
            if generation.state == "paused":
                self._leave_place(generation)
            await generation.resumed()
            if held and not generation.add(held):
                continue  # paused again
            if not generation.live:
                return
            held = None
            self._take_place(generation)
            pauses = generation.pauses
            async with aclosing(events(generation.snapshot().text)) as coming:
                async for event in coming:
                    if generation.pauses > pauses and isinstance(event, Failed) and event.code in LOST:
                        break
                    if not await self._passed(generation, event):
                        held = event
                        break
                else:
                    return

    async def _passed(self, generation: Generation, event: ReplyEvent) -> bool:
        """Add an event, after the pause if there is one; False where that lasts too long."""
        while not generation.add(event):
            try:
                async with asyncio.timeout(self._paused_seconds):
                    await generation.resumed()
            except TimeoutError:
                return False
        return True

    def _take_place(self, generation: Generation) -> None:
        with self._lock:
            if not generation.remote and generation.live:
                self._places.add(generation)

    def _leave_place(self, generation: Generation) -> None:
        with self._lock:
            self._places.discard(generation)

    def _end(self, generation: Generation, on_ended: Callable[[Generation], None]) -> None:
        task = self._tasks.pop(generation, None)
        if task is not None:
            task.cancel()
        if generation.remote and self._generations.get(generation.id) is generation:
            del self._generations[generation.id]  # what becomes of it further is not seen here
        try:
            on_ended(generation)
        except Exception:
            log.exception("The end of a reply could not be recorded")

    def _watch_over(self, generation: Generation) -> None:
        """Stop it if it is not kept and still has no follower in a moment."""
        if not generation.kept:

            def check() -> None:
                if generation.followers == 0 and not generation.kept:
                    generation.stop()

            self._loop.later(ABANDONED_SECONDS, check)

    def _forget_the_oldest(self) -> None:
        if len(self._generations) > len(self._places) + 2 * REMEMBERED:  # not each time: it looks through all
            ended = [g.id for g in self._generations.values() if not g.live]
            for reply_id in ended[:-REMEMBERED]:
                del self._generations[reply_id]
