"""Saves replies while they stream: at least twice per second, and at once when they end.

A thread of its own does all of it. It also reports that this process is alive, ends the replies of dead
processes, and carries out what other processes ask for. If the database fails, text stays in memory until it
is back. Replies of temporary conversations never get here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from personachat.chat import mirrors
from personachat.conversations.base import ReplyRecords
from personachat.conversations.model import Reply
from personachat.errors import PersonaChatError, unforeseen
from personachat.messages import ReplyEvent, TurnState
from personachat.replies.live import LiveReply
from personachat.stamps import new_id

log = logging.getLogger(__name__)
T = TypeVar("T")

INTERVAL_SECONDS = 0.4
BEAT_SECONDS = 1.0

INTERRUPT_SECONDS = 5.0
"""Seconds between two checks for replies that dead processes left."""

SETTLING_SECONDS = 5.0
"""Seconds that a reader waits for reply ends that are being written."""

CLOSING_SECONDS = 5.0
"""Seconds that this process waits for a failing database when it exits."""


@dataclass(slots=True)
class _Watched:
    live_reply: LiveReply
    saved: tuple[int, TurnState] | None = None
    """The version of the reply that the database has."""
    then: Callable[[], object] | None = None
    """Called once the reply has ended and its end is written; None before it has ended."""


class Checkpoints:
    """One per process. Safe for threads; only `flush` and `close` wait for the database."""

    def __init__(self, records: ReplyRecords, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.process_id = new_id()
        self._records = records
        self._interval = interval_seconds
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._written: list[Callable[[], object]] = []
        self._trouble: PersonaChatError | None = None
        self._urgent = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="personachat-checkpoints", daemon=True)

    @property
    def trouble(self) -> PersonaChatError | None:
        """Why replies can't be saved right now; None if they can."""
        return self._trouble

    def start(self) -> None:
        self._thread.start()

    def watch(self, live_reply: LiveReply) -> None:
        """Save this reply from now on. Its turn is in the database and belongs to this process."""
        with self._lock:
            self._watched[live_reply.id] = _Watched(live_reply)

    def ended(self, live_reply: LiveReply, then: Callable[[], object] = lambda: None) -> None:
        """Write the end of a watched reply at once, and then call `then` on the writing thread.

        `then` is not called if another process has claimed the reply or it was deleted.
        """
        with self._lock:
            watched = self._watched.get(live_reply.id)
            if watched and watched.live_reply is live_reply:
                watched.then = then
        self._urgent.set()

    def mirrored(self, live_reply: LiveReply) -> Callable[[str], AsyncGenerator[ReplyEvent]]:
        """Make a new live reply mirror one that another process generates; returns its events."""
        return mirrors.mirrored(self._records, live_reply, interval_seconds=self._interval)

    def is_watched(self, turn_id: str) -> bool:
        """Whether this process has text of a reply that isn't written yet, or may soon have some."""
        with self._lock:
            return turn_id in self._watched

    def flush(self, *, timeout_seconds: float, live: bool = True) -> bool:
        """Write what has arrived, of live replies too if `live`; False if that fails or takes too long."""
        if not self._writing.acquire(timeout=timeout_seconds):
            return False
        try:
            return self._save(live=live)
        finally:
            self._writing.release()

    def settle(self) -> None:
        """Write the ends that aren't written yet, so that whoever saw a reply end also reads that end.

        Costs nothing if there are none, and doesn't wait for a failing database.
        """
        with self._lock:
            ends = [each for each in self._watched.values() if not each.live_reply.live]
        if self._trouble is None and any(each.saved != each.live_reply.version for each in ends):
            self.flush(timeout_seconds=SETTLING_SECONDS, live=False)

    def close(self) -> None:
        """Write everything and report that this process ends; gives up if the database keeps failing."""
        self._closed.set()
        self._urgent.set()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)
        give_up = time.monotonic() + CLOSING_SECONDS
        while not self.flush(timeout_seconds=CLOSING_SECONDS) and time.monotonic() < give_up:
            threading.Event().wait(self._interval)
        self._attempt(lambda: self._records.retire(self.process_id))

    def _work(self) -> None:
        beat = interrupt = save_all = 0.0
        while not self._closed.is_set():
            if time.monotonic() >= beat:
                beat = time.monotonic() + BEAT_SECONDS
                self._attempt(self._beat)
            if time.monotonic() >= interrupt:
                interrupt = time.monotonic() + INTERRUPT_SECONDS
                self._attempt(self._records.interrupt)
            self._urgent.wait(max(0.0, save_all - time.monotonic()))
            self._urgent.clear()
            in_time = time.monotonic() < save_all
            if not in_time:
                save_all = time.monotonic() + self._interval
            with self._writing:
                self._save(live=not in_time)
            self._go_on()

    def _save(self, *, live: bool) -> bool:
        """Write the replies that have changed in one transaction: ended ones, or live ones too.

        The caller holds `_writing`.
        """
        with self._lock:
            watched = [each for each in self._watched.values() if live or not each.live_reply.live]
        due: dict[str, tuple[Reply, str]] = {}
        versions: dict[str, tuple[int, TurnState]] = {}
        for each in watched:
            version = each.live_reply.version
            if version != each.saved:
                versions[each.live_reply.id] = version
                due[each.live_reply.id] = each.live_reply.record()
        written: Collection[str] = ()
        if due:
            orders = self._attempt(lambda: self._records.save(due, process_id=self.process_id))
            if orders is None:
                return False
            written = orders
        for each in watched:
            turn_id = each.live_reply.id
            if turn_id in written:
                each.saved = versions[turn_id]
            elif turn_id in due:
                self._forget(each)
                each.live_reply.stop()
        self._finish(watched)
        return True

    def _finish(self, watched: list[_Watched]) -> None:
        """Stop watching replies whose end is written."""
        for each in watched:
            if each.then and not each.live_reply.live and each.saved == each.live_reply.version:
                self._forget(each)
                with self._lock:
                    self._written.append(each.then)

    def _forget(self, each: _Watched) -> None:
        with self._lock:
            if self._watched.get(each.live_reply.id) is each:
                del self._watched[each.live_reply.id]

    def _go_on(self) -> None:
        """Call what waits for the ends that were just written."""
        with self._lock:
            written, self._written = self._written, []
        for then in written:
            try:
                then()
            except PersonaChatError as error:
                log.warning("What follows the end of a reply failed: %s", error.code)
            except Exception:
                log.exception("What follows the end of a reply failed")

    def _beat(self) -> bool:
        for turn_id, control in self._records.beat(self.process_id).items():
            with self._lock:
                watched = self._watched.get(turn_id)
            if watched:
                _CONTROLS[control](watched.live_reply)
        return True

    def _attempt(self, write: Callable[[], T]) -> T | None:
        """Run a database operation; None if it fails. Logged once until the database works again."""
        try:
            done = write()
        except Exception as error:
            trouble = error if isinstance(error, PersonaChatError) else unforeseen()
            if self._trouble is None:
                if trouble is error:
                    log.warning(
                        "Replies are kept in memory, because they can't be saved: %s",
                        trouble.code,
                        extra={"figures": {"code": trouble.code}},
                    )
                else:
                    log.exception("Replies are kept in memory, because they can't be saved")
            self._trouble = trouble
            return None
        if self._trouble:
            self._trouble = None
            log.info("Replies are saved again")
        return done


_CONTROLS: dict[str, Callable[[LiveReply], None]] = {
    "pause": LiveReply.pause,
    "resume": LiveReply.resume,
    "stop": LiveReply.stop,
}
