"""What a run takes: calls, tokens, money and time. None is unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from personachat.lab.judge import judge_persona, judge_request
from personachat.lab.pairwise import pair_request
from personachat.lab.runs.model import Cell
from personachat.lab.runs.options import PLAIN_RUN, RunOptions, SimulatedTalk
from personachat.lab.runs.plan import said_in
from personachat.lab.runs.replying import Replying, SaidTurn
from personachat.lab.simulated_user import REPLY_TOKENS as USER_TOKENS
from personachat.lab.simulated_user import USUAL_TOKENS, user_persona
from personachat.lab.suites.model import Case, Suite, question_of
from personachat.messages import Usage
from personachat.personas.persona import Persona
from personachat.personas.token_estimates import estimate_tokens
from personachat.personas.variables import with_values
from personachat.settings import LOCAL
from personachat.usage import pricing

MOST_TRIES = 2
"""A failed call is made once more."""

CAUTION = 1.25
"""Factor by which estimates of tokens may be too low."""

JUDGE_REPLY_TOKENS = 120
"""The usual tokens of a judge's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunForecast:
    """`cost_usd` is the usual cost, `most_usd` can't be exceeded; `seconds` are of the whole run."""

    cells: int
    calls: int
    judge_calls: int
    prompt_tokens: int
    reply_tokens: int
    cost_usd: float | None
    most_usd: float | None
    most_cell_usd: float | None
    seconds: float | None
    provider: str
    model: str
    reason: str
    """Why another model answers than the requested one."""


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Which models answer and judge, and how many calls are made at once."""

    replying: Replying
    judge: str | None
    concurrent: int

    def forecast(
        self,
        suite: Suite,
        persona: Persona,
        *,
        model: str | None,
        repeat: int | None,
        options: RunOptions = PLAIN_RUN,
        earlier: Sequence[Cell] = (),
    ) -> RunForecast:
        """The forecast; `earlier` are cells of the last run, which show the usual length of replies.

        Raises ProviderError if no model can answer.
        """
        return _forecast(self, suite, persona, model=model, repeat=repeat, options=options, earlier=earlier)


def _forecast(  # each is a different thing
    by: Forecaster,
    suite: Suite,
    persona: Persona,
    *,
    model: str | None,
    repeat: int | None,
    options: RunOptions,
    earlier: Sequence[Cell],
) -> RunForecast:
    usual_tokens = _median([cell.tokens for cell in earlier if cell.tokens])
    usual_seconds = _median([cell.seconds for cell in earlier if cell.seconds])
    reply_tokens = min(round(usual_tokens), persona.max_tokens) if usual_tokens else persona.max_tokens
    first = by.replying.plan(persona, said_in(suite.cases[0]), model=model).first
    provider, answering = first.provider, first.model
    cells = judges = prompts = 0
    usual: list[float | None] = []
    most: list[float | None] = []
    for number, case in enumerate(suite.cases):
        count = suite.repeats(case, repeat)
        messages: list[SaidTurn] = said_in(case)
        plan = by.replying.plan(
            with_values(options.persona_for(number, persona), case.variables), messages, model=model
        )
        prompt = plan.prompt_tokens or 0
        questions = [question_of(check) for check in case.check if check.kind == "judge"]
        cells += count
        requests = [
            _judge_request(question.question, case, recorded=options.recorded) for question in questions
        ]
        if options.pairwise:  # in both orders
            pair = pair_request(options.pairwise, message=messages[-1][1], first=case.reference, second="")
            requests += [pair, pair]
        judges += count * len(requests)
        before = (
            _before(options, number, reply_tokens),
            _before(options, number, persona.max_tokens, worst=True),
        )
        prompt += before[0]
        costs = _costs(
            provider,
            answering,
            prompt,
            reply_tokens,
            persona.max_tokens,
            longest=prompt - before[0] + before[1],
        )
        if options.talk:
            costs = _with_user(by.replying, options.talk, costs, before)
        prompts += 0 if options.recorded else count * prompt
        one, worst = (0.0, 0.0) if options.recorded else costs
        lengths = 2 if options.pairwise and options.against else 1  # the other run's reply is read, too
        for request in requests:
            judged, worst_judged = _judge_costs(
                by.replying,
                by.judge,
                request,
                usual_tokens=reply_tokens * lengths,
                most_tokens=persona.max_tokens * lengths,
            )
            one, worst = _plus(one, judged), _plus(worst, worst_judged)
        usual.append(None if one is None else one * count)
        most.append(worst)
    counts = [suite.repeats(case, repeat) for case in suite.cases]
    whole = [None if each is None else each * count for each, count in zip(most, counts, strict=True)]
    batches = math.ceil(cells / by.concurrent)
    return RunForecast(
        cells=cells,
        calls=judges if options.recorded else judges + cells * (2 if options.talk else 1),
        judge_calls=judges,
        prompt_tokens=prompts,
        reply_tokens=0 if options.recorded else cells * reply_tokens,
        cost_usd=_total(usual),
        most_usd=_total(whole),
        most_cell_usd=None if None in most else max(each for each in most if each is not None),
        seconds=usual_seconds * batches if usual_seconds else None,
        provider=provider,
        model=answering,
        reason=first.reason,
    )


def _before(options: RunOptions, number: int, reply_tokens: int, *, worst: bool = False) -> int:
    """How many tokens of the run's own earlier replies may stand before a case, beyond those of its messages.

    In a talk these are all rounds. On a replay's own course new replies are usually as long as the recorded
    ones, at worst as long as they may be.
    """
    if options.talk:
        return number * (reply_tokens + (USER_TOKENS if worst else USUAL_TOKENS))
    return len(options.earlier.get(number, ())) * reply_tokens if worst else 0


def _with_user(
    replying: Replying,
    talk: SimulatedTalk,
    costs: tuple[float | None, float | None],
    before: tuple[int, int],
) -> tuple[float | None, float | None]:
    """The same with what the simulated user costs, who may be asked twice in a round."""
    persona = user_persona(talk.model, talk.goal)
    first = replying.plan(persona, [("user", "?")], model=talk.model).first
    own = estimate_tokens(persona.system_prompt)
    one, worst = _costs(
        first.provider,
        first.model,
        own + before[0],
        USUAL_TOKENS,
        USER_TOKENS,
        longest=own + before[1],
    )
    return _plus(costs[0], one), _plus(costs[1], None if worst is None else worst * MOST_TRIES)


def _judge_request(question: str, case: Case, *, recorded: bool) -> str:
    """What a judge would be asked; a reply that isn't there yet is counted elsewhere."""
    message = case.all_turns[-1].words
    if recorded:
        return judge_request(question, message=message, reply=case.reference)
    return judge_request(question, message=message, reply="", reference=case.reference)


def most_of_judging(
    replying: Replying, judge: str, questions: Sequence[str], *, message: str, reply: str
) -> float | None:
    """The most that asking a judge these questions about a reply can cost. Raises ProviderError."""
    most: float | None = 0.0
    for question in questions:
        request = judge_request(question, message=message, reply=reply)
        worst = _judge_costs(replying, judge, request, usual_tokens=0, most_tokens=0)[1]
        most = _plus(most, None if worst is None else worst * MOST_TRIES)  # what can't be read is asked again
    return most


def _judge_costs(
    replying: Replying, judge: str | None, request: str, *, usual_tokens: int, most_tokens: int
) -> tuple[float | None, float | None]:
    """What a judge's answer usually costs, and the most that it can; the lengths are the reply's."""
    if judge is None:
        return 0.0, 0.0
    persona = judge_persona(judge)
    first = replying.plan(persona, [("user", "?")], model=judge).first
    input_tokens = estimate_tokens(request) + estimate_tokens(persona.system_prompt)
    return _costs(
        first.provider,
        first.model,
        input_tokens + usual_tokens,
        JUDGE_REPLY_TOKENS,
        persona.max_tokens,
        longest=input_tokens + most_tokens,
    )


def _costs(
    provider: str, model: str, prompt: int, usual: int, most: int, *, longest: int | None = None
) -> tuple[float | None, float | None]:
    """What one call usually costs, and the most that its tries can."""
    if provider == LOCAL:
        return 0.0, 0.0
    one = pricing.cost_usd(provider, model, Usage(prompt, usual))
    cautious = math.ceil((longest or prompt) * CAUTION)
    worst = pricing.cost_usd(provider, model, Usage(cautious, most))
    return one, None if worst is None else worst * MOST_TRIES


def _plus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _total(costs: Sequence[float | None]) -> float | None:
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _median(numbers: Sequence[float]) -> float | None:
    return median(numbers) if numbers else None
