"""Shutting down: after a signal no new reply starts, running replies finish, then the server stops.

Once a server gets the signal, it accepts no connections and closes those of its pages. So it gets the signal
last: until then it serves pages, streams and reconnecting clients as usual. Replies that don't finish in time
are interrupted, and everyone who follows them is told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeAlias

from personachat.replies.runner import ReplyRunner
from personachat.services import Services, built_services, reset_services

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[int, FrameType | None], Any]

ECHO_SECONDS = 0.5
"""A second signal within this many seconds is an echo: `uv run` passes on the Ctrl-C of the terminal."""

LOOK_SECONDS = 0.1
"""Seconds between two checks whether every reply has ended."""

SHOWING_SECONDS = 0.3
"""Seconds that pages have to draw the end of a reply before they lose their connection."""

CLOSING_SECONDS = 10.0
"""Seconds that the server may wait for clients that don't read what they are sent."""


@contextmanager
def drained_at(
    *signals: signal.Signals, services: Callable[[], Services | None], let_go: Callable[[], object]
) -> Iterator[None]:
    """Inside this block, the first signal drains the services before it reaches the server.

    `let_go` is called just before that and ends connections that aren't replies. A second signal ends
    everything at once. Enter it on the server's event loop.
    """
    handlers = _handlers(signals)
    shutdown = _Shutdown(handlers, services=services, let_go=let_go)
    for handled in handlers:
        signal.signal(handled, shutdown.hear)
    try:
        yield
    finally:
        shutdown.over()
        for handled, handler in handlers.items():
            signal.signal(handled, handler)


def drain_at(*signals: signal.Signals) -> bool:
    """The same for a server we don't control, until the process ends; False if it handles no signals yet.

    Such a server may wait for its clients for ever. Where it would need a second Ctrl-C, the process is ended
    instead. Call it on the server's event loop.
    """
    handlers = _handlers(signals)
    if len(handlers) < len(signals):
        return False
    shutdown = _Shutdown(handlers, services=built_services, let_go=lambda: None, force=_end_this_process)
    for handled in handlers:
        signal.signal(handled, shutdown.hear)
    return True


def _handlers(signals: Iterable[signal.Signals]) -> dict[int, Handler]:
    """The current handlers of these signals; none if this thread may not change them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    handlers = {number: signal.getsignal(number) for number in signals}
    return {number: handler for number, handler in handlers.items() if callable(handler)}


def _end_this_process() -> None:
    """End now: record the replies and wait for nobody."""
    ending = threading.Thread(target=reset_services, daemon=True)
    ending.start()
    ending.join(CLOSING_SECONDS)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(1)


class _Shutdown:
    """One shutdown. The system calls `hear`; everything else runs on the server's event loop."""

    def __init__(
        self,
        handlers: dict[int, Handler],
        *,
        services: Callable[[], Services | None],
        let_go: Callable[[], object],
        force: Callable[[], object] | None = None,
    ) -> None:
        self._handlers = handlers
        self._services = services
        self._let_go = let_go
        self._force = force or self._ask_twice
        self._loop = asyncio.get_running_loop()
        self._deaf = False
        self._again = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None
        self._forcing: asyncio.TimerHandle | None = None
        self._passed_on = False

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal. The loop decides when an echo is over, because a busy server gets signals late."""
        if self._loop.is_closed():  # the server has stopped, and replies are being recorded
            signal.signal(number, signal.SIG_DFL)  # the next signal aborts that
        elif not self._deaf:
            self._deaf = True
            self._loop.call_soon_threadsafe(self._act, number)

    def over(self) -> None:
        """The server has stopped."""
        if self._forcing:
            self._forcing.cancel()

    def _act(self, number: int) -> None:
        self._loop.call_later(ECHO_SECONDS, self._listen)
        if self._draining is None:
            self._draining = self._loop.create_task(self._stop(number))
        elif self._passed_on:
            self._force()
        else:
            self._again.set()

    def _listen(self) -> None:
        self._deaf = False

    async def _stop(self, number: int) -> None:
        try:
            services = self._services()
            if services:  # otherwise nobody has used them yet
                await self._drain(services.runner, services.settings.shutdown_seconds)
            self._let_go()
        finally:
            self._passed_on = True
            self._forcing = self._loop.call_later(CLOSING_SECONDS, self._force)
            self._handlers[number](number, None)

    async def _drain(self, runner: ReplyRunner, seconds: float) -> None:
        runner.drain()
        count = runner.unfinished
        if count and seconds:
            _say(f"Finishing {_replies(count)}; press Ctrl-C again to stop now.")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._until_done(runner)
        cut_off = runner.interrupt_all()
        if cut_off:
            log.warning(
                "%s cut off; the text so far is kept in the conversation.",
                _replies(cut_off),
                extra={"figures": {"cut_off": cut_off}},
            )
        if count or cut_off:
            await asyncio.sleep(SHOWING_SECONDS)

    async def _until_done(self, runner: ReplyRunner) -> None:
        """Return once every reply has ended, or at the second signal."""
        while runner.unfinished and not self._again.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._again.wait()

    def _ask_twice(self) -> None:
        """Make the server wait for nobody, which would otherwise need a second Ctrl-C."""
        handler = self._handlers.get(signal.SIGINT)
        if handler:
            handler(signal.SIGINT, None)


def _replies(count: int) -> str:
    return f"{count} {'reply' if count == 1 else 'replies'}"


def _say(sentence: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads our output any more
        print(sentence, flush=True)  # noqa: T201  # for whoever pressed Ctrl-C
