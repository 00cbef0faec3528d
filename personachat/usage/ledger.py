"""The ledger: records every call when it begins, and writes it on a thread of its own.

Callers only leave a note. Rows are written a moment later, several at once: when a call has begun, every two
seconds while it runs, and when it has ended. If the database fails, they wait in memory, up to a limit;
anything lost beyond that is logged. Observers hear about each end, whatever the database does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeAlias, TypeVar

from personachat.errors import PersonaChatError, unforeseen
from personachat.stamps import now
from personachat.usage.model import Admission, Call, CallSnapshot, Observer, Origin
from personachat.usage.rows import row_of
from personachat.usage.words import Words

log = logging.getLogger(__name__)
T = TypeVar("T")

GATHER_SECONDS = 0.1
"""Seconds that notes are gathered before they are written together."""

REFRESH_SECONDS = 2.0
"""Seconds between two writes of a running call."""

INTERRUPT_SECONDS = 5.0
"""Seconds between two checks for calls that dead processes left."""

FORGET_SECONDS = 3600.0

CLOSE_SECONDS = 600.0
"""Seconds between two checks for days to close, once there are none."""

MOST_DAYS_AT_ONCE = 10
"""Seconds; calls that have ended meanwhile wait that long."""

MOST_AT_ONCE = 500
"""Rows per transaction: the pages' own writes wait for it."""

MOST_WAITING = 20_000
"""Ended calls that may wait for a failing database; about 20 MB."""

CLOSING_SECONDS = 5.0


_Due: TypeAlias = tuple[Call, dict[str, Any]]
"""A call and its row, still without the owner: the key for the hash is in the database."""


class UsageRecords(Protocol):
    """Where rows are stored; see SqlUsage."""

    def hash_of(self, owner: str) -> str: ...
    def write(self, rows: list[dict[str, Any]], *, owners: set[str], process_id: str) -> None: ...
    def interrupt(self) -> int: ...
    def forget(self, before: Any) -> int: ...


class Ledger:
    """A `Calls`; one per process. Safe for threads; only `settle` and `close` wait for the database."""

    def __init__(
        self,
        records: UsageRecords,
        *,
        process_id: str,
        retention_days: int | None = None,
        observers: Sequence[Observer] = (),
        close_days: Callable[[int], int] = lambda _: 0,
        keeps_words: bool = False,
        admission: Admission | None = None,
    ) -> None:
        """`close_days` closes up to so many ended days and returns how many.

        With `keeps_words`, observers also get the text of calls. `admission` decides which calls may be made.
        """
        self._records = records
        self._process_id = process_id
        self._retention_days = retention_days
        self._observers = tuple(observers)
        self._close_days = close_days
        self._keeps_words = keeps_words
        self._admission = admission
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._running: dict[str, Call] = {}
        self._unwritten: set[str] = set()
        """Calls of which nothing is written yet."""
        self._waiting: dict[str, _Due] = {}
        """Ended calls that aren't written yet."""
        self._trouble: PersonaChatError | None = None
        self._lost = 0
        self._due = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="personachat-usage", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin(self, origin: Origin, counted: Callable[[], CallSnapshot]) -> Call:
        call = Call(origin, counted, words=Words() if self._keeps_words else None)
        with self._lock:
            self._running[call.id] = call
            self._unwritten.add(call.id)
        self._due.set()
        return call

    async def admit(self, call: Call) -> None:
        """See CallRecorder. Without limits on calls, this takes no time."""
        if self._admission is not None and self._admission.may_refuse:
            await asyncio.to_thread(self._admission.admit, call)

    def end(self, call: Call) -> None:
        if call.ended_at is None:
            call.ended_at = now()
        call.over = True
        self._due.set()

    def settle(self) -> None:
        """Write ended calls, so that whoever saw the end finds them; doesn't wait for a failing database."""
        if self._trouble is None:
            self._flush(timeout_seconds=CLOSING_SECONDS)

    def close(self) -> None:
        """Write everything. Gives up if the database keeps failing, at once if it failed before."""
        patience = 0.0 if self._trouble else CLOSING_SECONDS
        self._closed.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)
        give_up = time.monotonic() + patience
        while not self._flush(timeout_seconds=CLOSING_SECONDS) and time.monotonic() < give_up:
            threading.Event().wait(GATHER_SECONDS)
        if self._waiting:
            log.warning(
                "%d model calls are missing from the ledger, which couldn't be written", len(self._waiting)
            )
        for observer in self._observers:
            try:
                observer.close()
            except Exception:
                log.exception("An observer of calls couldn't be closed")

    def _work(self) -> None:
        refresh = interrupt = forget = close = 0.0
        while not self._closed.is_set():
            if time.monotonic() >= interrupt:
                interrupt = time.monotonic() + INTERRUPT_SECONDS
                self._attempt(self._records.interrupt)
            if time.monotonic() >= forget:
                forget = time.monotonic() + FORGET_SECONDS
                self._attempt(self._forget)
            if time.monotonic() >= close:
                closed = self._attempt(lambda: self._close_days(MOST_DAYS_AT_ONCE))
                close = time.monotonic() + (0.0 if closed == MOST_DAYS_AT_ONCE else CLOSE_SECONDS)
            self._due.wait(
                max(0.0, (refresh if self._running or self._waiting else interrupt) - time.monotonic())
            )
            if self._due.is_set():
                self._closed.wait(GATHER_SECONDS)
            self._due.clear()
            is_time = time.monotonic() >= refresh
            if is_time:
                refresh = time.monotonic() + REFRESH_SECONDS
            with self._writing:
                self._save(refresh=is_time)

    def _flush(self, *, timeout_seconds: float) -> bool:
        if not self._writing.acquire(timeout=timeout_seconds):
            return False
        try:
            return self._save(refresh=False)
        finally:
            self._writing.release()

    def _save(self, *, refresh: bool) -> bool:
        """Write calls that have begun or ended, with `refresh` all of them; False if that fails.

        The caller holds `_writing`.
        """
        with self._lock:
            calls = list(self._running.values())
        going_on: list[_Due] = []
        for call in calls:
            counted = call.counted()
            if counted.state not in {"running", "paused"}:
                due = self._noted(call, counted)
                with self._lock:
                    if due:
                        self._waiting[call.id] = due
                    del self._running[call.id]
                    self._unwritten.discard(call.id)
                if due:
                    self._tell(due)
            elif (refresh or call.id in self._unwritten) and (due := self._noted(call, counted)):
                going_on.append(due)
        self._bound()
        every = [*self._waiting.values(), *going_on]
        parts = (every[at : at + MOST_AT_ONCE] for at in range(0, len(every), MOST_AT_ONCE))
        return all(map(self._write, parts))

    def _noted(self, call: Call, counted: CallSnapshot) -> _Due | None:
        """The call with its row; None if it has none, which is logged and affects no other call."""
        try:
            return call, row_of(call, counted, owner="", process_id=self._process_id)
        except Exception:
            log.exception("A model call couldn't be recorded")
            return None

    def _tell(self, ended: _Due) -> None:
        for observer in self._observers:
            try:
                observer.ended(*ended)
            except Exception:
                log.exception("The end of a model call couldn't be passed on")
        ended[0].words = None  # the row may wait long for its database

    def _write(self, due: list[_Due]) -> bool:
        def write() -> bool:
            rows = [row | {"owner": self._records.hash_of(call.origin.owner)} for call, row in due]
            owners = {call.origin.owner for call, _ in due}
            self._records.write(rows, owners=owners, process_id=self._process_id)
            return True

        if not self._attempt(write):
            return False
        with self._lock:
            for call, _ in due:
                self._waiting.pop(call.id, None)
                self._unwritten.discard(call.id)
        return True

    def _bound(self) -> None:
        """Drop the oldest if too many wait."""
        with self._lock:
            for call_id in list(self._waiting)[: max(0, len(self._waiting) - MOST_WAITING)]:
                del self._waiting[call_id]
                self._lost += 1

    def _forget(self) -> bool:
        if self._retention_days is not None:
            self._records.forget(now() - timedelta(days=self._retention_days))
        return True

    def _attempt(self, write: Callable[[], T]) -> T | None:
        """Run a database operation; None if it fails. Logged once until the database works again."""
        try:
            done = write()
        except Exception as error:
            trouble = error if isinstance(error, PersonaChatError) else unforeseen()
            before = self._turn_to(trouble)
            if before is None and trouble is error:
                log.warning(
                    "The ledger is kept in memory, because it can't be written: %s",
                    trouble.code,
                    extra={"figures": {"code": trouble.code}},
                )
            elif before is None:
                log.exception("The ledger is kept in memory, because it can't be written")
            return None
        if self._turn_to(None):
            log.info("The ledger is written again")
        if self._lost:
            log.warning(
                "%d model calls are missing from the ledger: too many were waiting",
                self._lost,
                extra={"figures": {"calls": self._lost}},
            )
            self._lost = 0
        return done

    def _turn_to(self, trouble: PersonaChatError | None) -> PersonaChatError | None:
        """Set the new state and return the old one.

        Several threads write, and only one of them reports it.
        """
        with self._lock:
            before, self._trouble = self._trouble, trouble
        return before
