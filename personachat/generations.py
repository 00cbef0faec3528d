"""Replies that run on the process's own event loop, whoever watches.

A Generation numbers the events of one reply from 1 and keeps them all, so a watcher may come, go and
come again at any number. It ends exactly once; what arrives after that is dropped. A page or a request
only ever watches: neither a rerun, a refresh nor a closed connection touches the reply itself, unless
its conversation is not kept and nobody has followed it for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from personachat.conversations.model import Reply, TurnState, new_id
from personachat.errors import TooManyReplies, unforeseen
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

log = logging.getLogger(__name__)
T = TypeVar("T")

ABANDONED_SECONDS = 1.0
"""How long a reply nobody keeps may run unwatched: long enough to reconnect, short enough to stop paying."""

REMEMBERED = 1_000
"""Ended generations that can still be watched from their first event."""


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
        self._on_unfollowed: Callable[[Generation], None] = lambda _: None
        self._on_ended: Callable[[Generation], None] = lambda _: None

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
                self._on_unfollowed(self)

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
            self._on_ended(self)

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


class Generations:
    """Starts replies on an event loop in a thread of its own, and finds them by id."""

    def __init__(self, *, max_concurrent: int) -> None:
        self.max_concurrent = max_concurrent
        self._lock = threading.Lock()
        self._generations: dict[str, Generation] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="personachat-engine", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        return self._running

    def find(self, reply_id: str) -> Generation | None:
        return self._generations.get(reply_id)

    def start(
        self,
        generation: Generation,
        events: Callable[[], AsyncGenerator[ReplyEvent]],
        *,
        on_ended: Callable[[Generation], None] = lambda _: None,
    ) -> Generation:
        """Run a reply; `on_ended` is called once, on the engine's loop, after its last event.

        Above the limit the generation fails at once with `too_many_replies`.
        """
        with self._lock:
            admitted = self._running < self.max_concurrent
            self._running += admitted

        def ended(generation: Generation) -> None:
            if admitted:
                with self._lock:
                    self._running -= 1
            self._loop.call_soon_threadsafe(self._end, generation, on_ended)

        generation._on_ended = ended  # noqa: SLF001  # the two classes are one mechanism
        generation._on_unfollowed = self._watch_over  # noqa: SLF001
        with self._lock:  # from here on anybody may find it, and stop it
            self._generations[generation.id] = generation
            self._forget_the_oldest()
        if admitted:
            self._loop.call_soon_threadsafe(self._spawn, generation, events)
        else:
            taken = f"All {self.max_concurrent} places for replies are taken."
            generation.add(Failed.of(TooManyReplies(taken, hint="Try again in a moment.")))
        return generation

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T:
        """Run a coroutine on the engine's loop and wait for its result; raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout_seconds)
        except TimeoutError:
            future.cancel()
            raise

    def stop_all(self) -> None:
        """Stop every running reply."""
        for generation in list(self._generations.values()):
            generation.stop()

    def close(self) -> None:
        """Stop every reply and the loop; returns once the thread has ended."""
        if not self._thread.is_alive():
            return
        self.stop_all()
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _spawn(self, generation: Generation, events: Callable[[], AsyncGenerator[ReplyEvent]]) -> None:
        if generation.running:
            task = self._loop.create_task(self._run(generation, events()))
            self._tasks[generation.id] = task
            self._watch_over(generation)

    async def _run(self, generation: Generation, events: AsyncGenerator[ReplyEvent]) -> None:
        try:
            async for event in events:
                generation.add(event)
        except Exception:
            log.exception("A reply failed in a way nobody foresaw")
        finally:
            with suppress(Exception):
                await events.aclose()
            generation.add(Failed.of(unforeseen()))

    def _end(self, generation: Generation, on_ended: Callable[[Generation], None]) -> None:
        task = self._tasks.pop(generation.id, None)
        if task is not None:
            task.cancel()
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

            self._loop.call_soon_threadsafe(self._loop.call_later, ABANDONED_SECONDS, check)

    def _forget_the_oldest(self) -> None:
        if len(self._generations) > REMEMBERED + self.max_concurrent:
            ended = [g.id for g in self._generations.values() if not g.running]
            for reply_id in ended[: len(self._generations) - REMEMBERED]:
                del self._generations[reply_id]

    async def _drain(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
