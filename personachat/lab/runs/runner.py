"""Runs suites on the engine's loop: some cells at once, each kept as soon as it is whole.

All runs of a process together have at most so many calls at a time, fewer than people's chats. A run stops
before it could cost more than it may: the most that a cell can cost is set aside before it begins. A cell
that was cut off isn't kept; the run goes on with it later. Another process may ask that a run ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from personachat.errors import PersonaChatError, ShuttingDown
from personachat.lab.runs.cells import CellMaker
from personachat.lab.runs.model import Cell, RunState
from personachat.lab.runs.plan import RunPlan
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.replying import Replying
from personachat.replies.runner import ReplyRunner

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often it is looked whether another process wants that a run ends."""

END_TRIES, END_SECONDS = 20, 3.0
"""How often the end of a run is tried to be recorded, and after which wait."""


@dataclass(slots=True, eq=False)
class LiveRun:
    """A run that runs in this process, to be watched from any thread."""

    plan: RunPlan
    cells: list[Cell] = field(default_factory=list)
    state: RunState = "running"
    cancelled: bool = False
    spent_usd: float = 0.0
    reserved_usd: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set on the engine's loop whenever less is set aside."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def over(self) -> bool:
        return self.state != "running"

    def add(self, cell: Cell) -> None:
        with self.changed:
            self.cells.append(cell)
            self.spent_usd += cell.cost_usd or 0.0
            self.changed.notify_all()

    def end(self, state: RunState) -> None:
        with self.changed:
            self.state = state
            self.changed.notify_all()

    def wait_over(self, *, timeout_seconds: float) -> None:
        """Until it has ended, but no longer than that."""
        with self.changed:
            self.changed.wait_for(lambda: self.over, timeout_seconds)

    def wait(self, after: int, *, timeout_seconds: float) -> list[Cell]:
        """Cells beyond number `after` as soon as there is one; empty at the end and at the timeout."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.cells) > after or self.over, timeout_seconds)
            return self.cells[after:]


class SuiteRunner:
    """Safe for threads."""

    def __init__(
        self,
        replying: Replying,
        runner: ReplyRunner,
        records: SqlRuns,
        cells: CellMaker,
        *,
        max_concurrent: int,
    ) -> None:
        self._replying = replying
        self._runner = runner
        self._records = records
        self._cells = cells
        self._max_concurrent = max_concurrent
        self._places: asyncio.Semaphore | None = None
        self._lock = threading.Lock()
        self._live: dict[str, LiveRun] = {}

    def admit(self) -> None:
        """Raises ShuttingDown where no run can begin any more."""
        self._runner.admit()

    def start(self, plan: RunPlan) -> LiveRun:
        """Begin a run that the records have as this process's. Raises ShuttingDown."""
        self.admit()
        live = LiveRun(plan, cells=list(plan.done))
        live.spent_usd = sum(cell.cost_usd or 0.0 for cell in plan.done)
        with self._lock:
            self._live[plan.run.id] = live
        self._runner.begin(self._drive(live))
        return live

    def soon(self, call: Callable[[], object]) -> None:
        """Have something done in the background that may begin a run. Raises nothing."""
        with suppress(RuntimeError):  # the loop has ended, and with it this process
            self._runner.begin(_quietly(call))

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the engine's loop. Raises ShuttingDown."""
        try:
            self._runner.admit()
        except ShuttingDown:
            coroutine.close()
            raise
        self._runner.begin(coroutine)

    @property
    def places(self) -> asyncio.Semaphore:
        """Who has one may make a call for tests. To be asked for on the engine's loop."""
        if self._places is None:
            self._places = asyncio.Semaphore(self._max_concurrent)
        return self._places

    def find(self, run_id: str) -> LiveRun | None:
        """One that runs in this process."""
        return self._live.get(run_id)

    def cancel(self, run_id: str) -> bool:
        """Have a run end now; what is whole stays. False where it doesn't run here."""
        live = self._live.get(run_id)
        if live is None or live.over:
            return False
        live.cancelled = True
        self._runner.begin(_cancel(live))
        return True

    async def _drive(self, live: LiveRun) -> None:
        state: RunState = "interrupted"
        keeper = asyncio.create_task(self._keep(live))
        try:
            sequences = live.plan.due_in_order
            due = iter(sequences)
            workers = min(self._max_concurrent, len(sequences)) or 1
            live.tasks = [asyncio.create_task(self._work(live, due)) for _ in range(workers)]
            for result in await asyncio.gather(*live.tasks, return_exceptions=True):
                _log_fault(result)
            state = self._state(live)
        finally:
            keeper.cancel()
            _log_fault(*await asyncio.gather(keeper, return_exceptions=True))
            await self._end(live, state)

    def _state(self, live: LiveRun) -> RunState:
        if len(live.cells) >= live.plan.run.planned:
            return "finished"
        if live.cancelled:
            return "cancelled"
        return "limit" if not _affords(live) else "interrupted"

    async def _end(self, live: LiveRun, state: RunState) -> None:
        """Record the end, and what is whole; where that can't be, it is tried again for a while."""
        run_id, recorded = live.plan.run.id, False
        try:
            for left in reversed(range(END_TRIES)):
                try:
                    await asyncio.shield(asyncio.to_thread(self._record_end, live, state))
                except PersonaChatError as error:
                    log.warning("The end of a test run can't be recorded: %s", error.code)
                    if not left or self._replying.ending:
                        break
                    await asyncio.sleep(END_SECONDS)
                else:
                    recorded = True
                    break
        finally:
            with self._lock:  # the run may have begun again
                if self._live.get(run_id) is live:
                    del self._live[run_id]
            if not recorded:
                self._records.let_go(run_id)
            live.end(state)

    def _record_end(self, live: LiveRun, state: RunState) -> None:
        self._records.keep(live.plan.run.id, live.cells)
        self._records.end(live.plan.run.id, state)

    async def _keep(self, live: LiveRun) -> None:
        """Write what is whole, as much at once as there is; what can't be written is tried again.

        Now and then it is looked whether the run is to end.
        """
        run_id, cell_count, looked = live.plan.run.id, len(live.cells), time.monotonic()
        while True:
            cells = await asyncio.to_thread(live.wait, cell_count, timeout_seconds=LOOK_SECONDS / 2)
            try:
                if cells:
                    await asyncio.to_thread(self._records.keep, run_id, cells)
                    cell_count += len(cells)
                if time.monotonic() >= looked + LOOK_SECONDS:
                    looked = time.monotonic()
                    if await asyncio.to_thread(self._records.is_to_end, run_id):
                        live.cancelled = True
                        await _cancel(live)
            except PersonaChatError:
                await asyncio.sleep(1)

    async def _work(self, live: LiveRun, due: Iterator[list[tuple[int, int]]]) -> None:
        for sequence in due:
            for number, attempt in sequence:
                async with _reserved(live) as allowed, self.places:
                    if not allowed or live.cancelled or self._replying.ending:
                        return
                    cell = await self._cells.make(live.plan, number, attempt, so_far=live.cells)
                    if cell is None:
                        break
                    live.add(cell)


def _log_fault(*results: object) -> None:
    for result in results:
        if isinstance(result, Exception):
            log.error("A test run failed unexpectedly", exc_info=result)


async def _quietly(call: Callable[[], object]) -> None:
    try:
        await asyncio.to_thread(call)
    except PersonaChatError as error:
        log.warning("The tests of a saved persona weren't run: %s", error)


def _affords(live: LiveRun) -> bool:
    most = live.plan.run.most_cost_usd
    if most is None:
        return True
    return live.spent_usd + live.reserved_usd + (live.plan.most_cell_usd or 0.0) <= most


@asynccontextmanager
async def _reserved(live: LiveRun) -> AsyncIterator[bool]:
    """Set aside the most that a cell can cost, once that much is left; False where it never will be."""
    while not _affords(live) and live.reserved_usd > 0:
        live.freed.clear()
        await live.freed.wait()
    if not _affords(live):
        yield False
        return
    most = live.plan.most_cell_usd or 0.0
    live.reserved_usd += most
    try:
        yield True
    finally:
        live.reserved_usd = max(0.0, live.reserved_usd - most)
        live.freed.set()


async def _cancel(live: LiveRun) -> None:
    for task in live.tasks:
        task.cancel()
