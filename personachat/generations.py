"""Replies that run on the process's own event loop, whoever watches.

A page or a request only ever watches: neither a rerun, a refresh nor a closed connection touches the
reply itself, unless its conversation is not kept and nobody has followed it for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from personachat.errors import TooManyReplies, unforeseen
from personachat.generation import Generation
from personachat.messages import Failed, ReplyEvent

log = logging.getLogger(__name__)
T = TypeVar("T")

ABANDONED_SECONDS = 1.0
"""How long a reply nobody keeps may run unwatched: long enough to reconnect, short enough to stop paying."""

REMEMBERED = 1_000
"""Ended generations that can still be watched from their first event."""


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

        generation.on_ended = ended
        generation.on_unfollowed = self._watch_over
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
        """Run a coroutine on the engine's loop and wait for its result.

        Raises TimeoutError, and RuntimeError or CancelledError where the loop has ended or ends.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise
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
