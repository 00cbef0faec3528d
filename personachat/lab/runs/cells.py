"""One cell: a reply is requested, checked, judged and, if wanted, compared with another one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from personachat.errors import ShuttingDown
from personachat.lab.checks.model import CheckedReply, CheckResult, Finding, Outcome
from personachat.lab.checks.own import OwnChecks
from personachat.lab.checks.running import JUDGE, plain, run_checks
from personachat.lab.judge import Judge, JudgeReply, own_model_warning
from personachat.lab.pairwise import PairwiseJudge
from personachat.lab.runs.model import Cell, JudgedAnswer, PairVerdict, Run
from personachat.lab.runs.options import SimulatedTalk
from personachat.lab.runs.plan import RunPlan, greeting_of, said_in, said_so_far
from personachat.lab.runs.replying import Answered, Replying, SaidTurn
from personachat.lab.simulated_user import SimulatedUser, why_over
from personachat.lab.suites.model import Case, Check, question_of
from personachat.personas.persona import Persona
from personachat.personas.variables import with_values
from personachat.usage.model import Origin, Purpose

TALK_OVER = "talk_over"
LED_NOWHERE = "An earlier reply of this conversation failed, so there was nothing to go on from."


class CellMaker:
    """Safe for threads; `make` runs on the engine's loop."""

    def __init__(self, replying: Replying, judge: Judge, own: OwnChecks) -> None:
        self._replying = replying
        self._judge = judge
        self._pairs = PairwiseJudge(judge)
        self._own = own

    async def make(self, plan: RunPlan, number: int, attempt: int, *, so_far: Sequence[Cell]) -> Cell | None:
        """One reply and its checks; None if this process cut it off. `so_far` are the run's other cells."""
        try:
            return await self._make(plan, number, attempt, so_far)
        except ShuttingDown:
            return None

    async def _make(self, plan: RunPlan, number: int, attempt: int, so_far: Sequence[Cell]) -> Cell | None:
        case = plan.suite.cases[number]
        persona = with_values(plan.run.options.persona_for(number, plan.persona), case.variables)
        if plan.run.options.talk:
            earlier = [cell for cell in so_far if cell.attempt == attempt]
            return await self._round(plan, plan.run.options.talk, number, attempt, earlier)
        messages = _own_course(plan, number, attempt, so_far)
        if messages is None:
            return Cell(case_number=number, attempt=attempt, outcome="error", reply="", error=LED_NOWHERE)
        if plan.run.options.recorded:
            answered, earlier_usd, retried = _recorded(plan, number), None, False
        else:
            answered, earlier_usd, retried = await self._answered(plan, persona, messages)
        if answered.cut_off:
            return None
        cell = _cell_of(answered, number, attempt, retried=retried)
        if answered.error:
            cell = replace(cell, cost_usd=_sum([answered.cost_usd, earlier_usd]))
        else:
            cell = await self._checked(plan, cell, answered, message=messages[-1][1])
            cell = replace(cell, cost_usd=_sum([cell.cost_usd, earlier_usd]))
        return await self._compared(plan, cell, message=messages[-1][1])

    async def _round(
        self, plan: RunPlan, talk: SimulatedTalk, number: int, attempt: int, earlier: Sequence[Cell]
    ) -> Cell | None:
        """One round of a talk: the simulated user's message, and the persona's reply."""
        empty = Cell(case_number=number, attempt=attempt, outcome="error", reply="")
        if why := next((cell.over for cell in earlier if cell.over), ""):
            return replace(empty, error=f"The talk was over before this round. {why}", error_code=TALK_OVER)
        if len(earlier) < number or any(cell.error for cell in earlier):
            return replace(empty, error=LED_NOWHERE)
        messages = said_so_far(greeting_of(plan.run, plan.persona), earlier)
        user = SimulatedUser(self._replying, model=talk.model, goal=talk.goal)
        spoken = await user.speak(messages, origin=_origin(plan.run, "simulated_user"))
        if spoken.trouble:
            return replace(empty, error=spoken.trouble, user_model=spoken.model, cost_usd=spoken.cost_usd)
        if not spoken.message:
            left = "The simulated user had left."
            return replace(empty, error=left, error_code=TALK_OVER, over=left, cost_usd=spoken.cost_usd)
        messages.append(("user", spoken.message))
        answered, earlier_usd, retried = await self._answered(plan, plan.persona, messages)
        if answered.cut_off:
            return None
        cell = _cell_of(answered, number, attempt, retried=retried)
        if not answered.error:
            cell = await self._checked(plan, cell, answered, message=spoken.message)
        messages.append(("assistant", answered.text))
        over = "The simulated user was done." if spoken.done else why_over(messages)
        return replace(
            cell,
            cost_usd=_sum([cell.cost_usd, earlier_usd, spoken.cost_usd]),
            unpriced=cell.unpriced or spoken.cost_usd is None,
            asked=spoken.message,
            user_model=spoken.model,
            system=answered.system_prompt,
            memory_from=answered.memory_from,
            over=over,
        )

    async def _checked(self, plan: RunPlan, cell: Cell, answered: Answered, *, message: str) -> Cell:
        """The cell with the results of its case's checks, and the judge's cost."""
        case = plan.suite.cases[cell.case_number]
        checked = CheckedReply(
            text=answered.text,
            system_prompt=answered.system_prompt,
            asked=message,
            tokens=answered.tokens,
            seconds=answered.seconds,
            cost_usd=answered.cost_usd,
        )
        results = await asyncio.to_thread(run_checks, checked, case.check, self._own)
        answers = [
            await self._judged(plan, case, check, answered, message=message)
            for check in case.check
            if check.kind == JUDGE
        ]
        judged = [each for each, _ in answers]
        results += [
            _judged_result(check, answer) for check, answer in zip(_judging(case), judged, strict=True)
        ]
        ordered = _in_order(case, results)
        return replace(
            cell,
            outcome=outcome_of([result.outcome for result in ordered]),
            cost_usd=_sum([answered.cost_usd, *(cost for _, cost in answers)]),
            unpriced=cell.unpriced or any(one.verdict is not None and cost is None for one, cost in answers),
            results=tuple(ordered),
            judged=tuple(judged),
        )

    async def _compared(self, plan: RunPlan, cell: Cell, *, message: str) -> Cell:
        """The cell with a judge's comparison of its reply and the other one, if wanted."""
        question = plan.run.options.pairwise
        if not question:
            return cell
        if cell.error:
            trouble = "The reply failed, so there is nothing to compare."
            return replace(cell, pair=PairVerdict(question, "", None, trouble=trouble))
        pair, cost = await self._pairs.compare(
            question,
            message=message,
            before=plan.others.get((cell.case_number, cell.attempt), ""),
            after=cell.reply,
            origin=_origin(plan.run, "judge"),
        )
        warning = own_model_warning(pair.judge, f"{cell.provider}/{cell.model}")
        return replace(
            cell,
            pair=replace(pair, warning=warning),
            cost_usd=_sum([cell.cost_usd, cost]),
            unpriced=cell.unpriced or bool(pair.answers and cost is None),
        )

    async def _answered(
        self, plan: RunPlan, persona: Persona, messages: Sequence[SaidTurn]
    ) -> tuple[Answered, float | None, bool]:
        """The reply, after one retry if the first one failed, and the cost of the first."""
        origin, model = _origin(plan.run, "test"), plan.run.model or None
        first = await self._replying.reply(persona, messages, origin=origin, model=model)
        if not first.error or first.cut_off or not first.retryable:
            return first, None, False
        again = await self._replying.reply(persona, messages, origin=origin, model=model)
        return again, first.cost_usd, True

    async def _judged(
        self, plan: RunPlan, case: Case, check: Check, answered: Answered, *, message: str
    ) -> tuple[JudgedAnswer, float | None]:
        answer: JudgeReply = await self._judge.ask(
            question_of(check),
            message=message,
            reply=answered.text,
            reference="" if plan.run.options.recorded else case.reference,
            origin=_origin(plan.run, "judge"),
        )
        warning = own_model_warning(answer.answer.judge, f"{answered.provider}/{answered.model}")
        return replace(answer.answer, warning=warning), answer.cost_usd


def _own_course(plan: RunPlan, number: int, attempt: int, so_far: Sequence[Cell]) -> list[SaidTurn] | None:
    """The messages before it, with this run's own replies in their places; None if one of those failed."""
    messages = said_in(plan.suite.cases[number])
    replies = {cell.case_number: cell.reply for cell in so_far if cell.attempt == attempt and not cell.error}
    for at, earlier in plan.run.options.earlier.get(number, {}).items():
        if earlier not in replies:
            return None
        messages[at] = ("assistant", replies[earlier])
    return messages


def _recorded(plan: RunPlan, number: int) -> Answered:
    """A recorded reply, which costs nothing now."""
    provider, _, model = plan.run.options.answered_by.get(number, "").partition("/")
    text = plan.suite.cases[number].reference
    return Answered(text, provider, model, reason="", system_prompt="", cost_usd=0.0)


def outcome_of(outcomes: Sequence[Outcome]) -> Outcome:
    """The result of a reply's checks: a failed one decides, and otherwise an error does."""
    if "fail" in outcomes:
        return "fail"
    return "error" if "error" in outcomes else "pass"


def _origin(run: Run, purpose: Purpose) -> Origin:
    """Judges and users aren't the persona: their usage says nothing about one of its revisions."""
    revision = run.persona_revision if purpose == "test" else ""
    return Origin(
        owner=run.owner,
        purpose=purpose,
        surface=run.surface,
        persona_id=run.persona_id,
        persona_revision=revision,
    )


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
        unpriced=not answered.error and answered.cost_usd is None,
        lore=answered.lore,
    )


def _judging(case: Case) -> list[Check]:
    return [check for check in case.check if check.kind == JUDGE]


def _judged_result(check: Check, answer: JudgedAnswer) -> CheckResult:
    if answer.verdict is None:
        finding = Finding("error", answer.trouble)
    else:
        verdict = "Yes" if answer.verdict else "No"
        finding = Finding.of(answer.verdict == answer.expect, f"{verdict}: {answer.reason}")
    return CheckResult(JUDGE, plain(check.expected), finding)


def _in_order(case: Case, results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results in the order of the case's checks."""
    plain_ones = iter([result for result in results if result.kind != JUDGE])
    judged = iter([result for result in results if result.kind == JUDGE])
    return [next(judged if check.kind == JUDGE else plain_ones) for check in case.check]


def _sum(costs: Sequence[float | None]) -> float | None:
    present = [cost for cost in costs if cost is not None]
    return sum(present) if present else None
