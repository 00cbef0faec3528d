"""Runs suites on the engine's loop: some cells at once, each kept as soon as it is whole.

All runs of a process together have at most so many calls at a time, fewer than people's chats. A run stops
before it could cost more than it may: the most that a cell can cost is set aside before it begins. A cell
that was cut off isn't kept; the run goes on with it later.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from personachat.errors import PersonaChatError, ShuttingDown, StoreUnavailable
from personachat.lab.checks.model import CheckedReply, CheckResult, Finding, Outcome
from personachat.lab.checks.own import OwnChecks
from personachat.lab.checks.running import JUDGE, plain, run_checks
from personachat.lab.judge import Asked, Judge, own_model_warning
from personachat.lab.runs.model import Cell, JudgedAnswer, Run, RunState
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.replying import Answered, Replying, SaidTurn
from personachat.lab.suites.model import Case, Check, Suite, question_of
from personachat.personas.persona import Persona
from personachat.personas.variables import with_values
from personachat.replies.runner import ReplyRunner
from personachat.usage.model import Origin

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run with what it takes to run it. `most_cell_usd` is the most that one cell can cost."""

    run: Run
    persona: Persona
    suite: Suite
    most_cell_usd: float | None
    done: tuple[Cell, ...] = ()

    @property
    def due(self) -> list[tuple[int, int]]:
        """Cells that aren't there, one attempt of every case first: something of each is seen early."""
        there = {(cell.case_number, cell.attempt) for cell in self.done}
        repeats = [self.suite.repeats(case, self.run.repeat) for case in self.suite.cases]
        return [
            (number, attempt)
            for attempt in range(max(repeats))
            for number, count in enumerate(repeats)
            if attempt < count and (number, attempt) not in there
        ]


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
        judge: Judge,
        own: OwnChecks,
        *,
        max_concurrent: int,
    ) -> None:
        self._replying = replying
        self._runner = runner
        self._records = records
        self._judge = judge
        self._own = own
        self._max_concurrent = max_concurrent
        self._places: asyncio.Semaphore | None = None
        self._live: dict[str, LiveRun] = {}

    def start(self, plan: RunPlan) -> LiveRun:
        """Begin a run that is in the records. Raises ShuttingDown."""
        self._runner.admit()
        live = LiveRun(plan, cells=list(plan.done))
        live.spent_usd = sum(cell.cost_usd or 0.0 for cell in plan.done)
        self._live[plan.run.id] = live
        self._runner.begin(self._drive(live))
        return live

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
        if self._places is None:
            self._places = asyncio.Semaphore(self._max_concurrent)
        state: RunState = "interrupted"
        keeper = asyncio.create_task(self._keep(live))
        try:
            due = iter(live.plan.due)
            workers = min(self._max_concurrent, len(live.plan.due)) or 1
            live.tasks = [asyncio.create_task(self._work(live, due)) for _ in range(workers)]
            await asyncio.gather(*live.tasks, return_exceptions=True)
            for task in live.tasks:
                if not task.cancelled() and (error := task.exception()):
                    log.error("A test run failed in a way nobody foresaw", exc_info=error)
            state = self._state(live)
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            await asyncio.shield(asyncio.to_thread(self._finish, live, state))

    def _state(self, live: LiveRun) -> RunState:
        if len(live.cells) >= live.plan.run.planned:
            return "finished"
        if live.cancelled:
            return "cancelled"
        return "limit" if not _affords(live) else "interrupted"

    def _finish(self, live: LiveRun, state: RunState) -> None:
        try:
            self._records.keep(live.plan.run.id, live.cells)
            self._records.end(live.plan.run.id, state)
        except PersonaChatError as error:
            log.warning("The end of a test run can't be recorded: %s", error.code)
        live.end(state)
        self._live.pop(live.plan.run.id, None)

    async def _keep(self, live: LiveRun) -> None:
        """Write what is whole, as much at once as there is; what can't be written is tried again."""
        kept = len(live.cells)
        while True:
            cells = await asyncio.to_thread(live.wait, kept, timeout_seconds=0.5)
            if not cells:
                continue
            try:
                await asyncio.to_thread(self._records.keep, live.plan.run.id, cells)
                kept += len(cells)
            except (PersonaChatError, StoreUnavailable):
                await asyncio.sleep(1)

    async def _work(self, live: LiveRun, due: Iterator[tuple[int, int]]) -> None:
        assert self._places is not None
        for number, attempt in due:
            async with _reserved(live) as allowed, self._places:
                if not allowed or live.cancelled or self._replying.ending:
                    return
                cell = await self._cell(live.plan, number, attempt)
                if cell is not None:
                    live.add(cell)

    async def _cell(self, plan: RunPlan, number: int, attempt: int) -> Cell | None:
        """One reply and its checks; None where this process cut it off."""
        case = plan.suite.cases[number]
        persona = with_values(plan.persona, case.variables)
        said = said_in(case)
        try:
            answered, earlier_usd, retried = await self._answered(plan, persona, said)
        except ShuttingDown:
            return None
        if answered.cut_off:
            return None
        cell = _cell_of(answered, number, attempt, retried=retried)
        if answered.error:
            return replace(cell, cost_usd=_sum([answered.cost_usd, earlier_usd]))
        checked = CheckedReply(
            text=answered.text,
            system_prompt=answered.system_prompt,
            asked=said[-1][1],
            tokens=answered.tokens,
            seconds=answered.seconds,
            cost_usd=answered.cost_usd,
        )
        results = await asyncio.to_thread(run_checks, checked, case.check, self._own)
        asked = [
            await self._asked(plan, case, check, answered) for check in case.check if check.kind == JUDGE
        ]
        judged = [each for each, _ in asked]
        cost = _sum([answered.cost_usd, earlier_usd, *(each for _, each in asked)])
        results += [
            _judged_result(check, answer) for check, answer in zip(_judging(case), judged, strict=True)
        ]
        ordered = _in_order(case, results)
        outcome = outcome_of([result.outcome for result in ordered])
        return replace(cell, outcome=outcome, cost_usd=cost, results=tuple(ordered), judged=tuple(judged))

    async def _answered(
        self, plan: RunPlan, persona: Persona, said: Sequence[SaidTurn]
    ) -> tuple[Answered, float | None, bool]:
        """The reply, after one more try where the first one failed, and what the first one cost."""
        run = plan.run
        origin = Origin(
            owner=run.owner,
            purpose="test",
            surface=run.surface,
            persona_id=run.persona_id,
            persona_revision=run.persona_revision,
        )
        model = run.model or None
        first = await self._replying.reply(persona, said, origin=origin, model=model)
        if not first.error or first.cut_off or not first.retryable:
            return first, None, False
        again = await self._replying.reply(persona, said, origin=origin, model=model)
        return again, first.cost_usd, True

    async def _asked(
        self, plan: RunPlan, case: Case, check: Check, answered: Answered
    ) -> tuple[JudgedAnswer, float | None]:
        run = plan.run
        origin = Origin(owner=run.owner, purpose="judge", surface=run.surface, persona_id=run.persona_id)
        asked: Asked = await self._judge.ask(
            question_of(check),
            said=case.said[-1].words,
            reply=answered.text,
            reference=case.reference,
            origin=origin,
        )
        warning = own_model_warning(asked.answer.judge, f"{answered.provider}/{answered.model}")
        return replace(asked.answer, warning=warning), asked.cost_usd


def said_in(case: Case) -> list[SaidTurn]:
    """What was said, as roles and words."""
    return [("user" if turn.user else "assistant", turn.words) for turn in case.said]


def outcome_of(outcomes: Sequence[Outcome]) -> Outcome:
    """What a reply's checks come to: one that fails decides, and without one an error does."""
    if "fail" in outcomes:
        return "fail"
    return "error" if "error" in outcomes else "pass"


def _cell_of(answered: Answered, number: int, attempt: int, *, retried: bool) -> Cell:
    return Cell(
        case_number=number,
        attempt=attempt,
        outcome="error",
        reply=answered.text,
        provider=answered.provider,
        model=answered.model,
        reason=answered.reason,
        error=answered.error,
        error_code=answered.error_code,
        retried=retried,
        finish_reason=answered.finish_reason,
        tokens=answered.tokens,
        seconds=answered.seconds,
        cost_usd=answered.cost_usd,
    )


def _judging(case: Case) -> list[Check]:
    return [check for check in case.check if check.kind == JUDGE]


def _judged_result(check: Check, answer: JudgedAnswer) -> CheckResult:
    if answer.verdict is None:
        finding = Finding("error", answer.trouble)
    else:
        said = "Yes" if answer.verdict else "No"
        finding = Finding.of(answer.verdict == answer.expect, f"{said}: {answer.reason}")
    return CheckResult(JUDGE, plain(check.wanted), finding)


def _in_order(case: Case, results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results in the order of the case's checks."""
    plain_ones = iter([result for result in results if result.kind != JUDGE])
    judged = iter([result for result in results if result.kind == JUDGE])
    return [next(judged if check.kind == JUDGE else plain_ones) for check in case.check]


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


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
