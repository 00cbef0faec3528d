"""Stress talks: a simulated user talks to a persona for many rounds, and at some of them a judge looks.

A talk is a run whose cases are its rounds, in one sequence; a probe is a round whose case has the persona's
questions. What the talk never came to is missing, and missing is no pass.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

from personachat.errors import SuiteRunRefused
from personachat.lab.adherence import checked_questions
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.options import RunOptions, SimulatedTalk
from personachat.lab.runs.plan import greeting_of, said_so_far
from personachat.lab.runs.reports import RunReport
from personachat.lab.simulated_user import MOST_GOAL, USUAL_GOAL, flipped, user_persona
from personachat.personas.persona import parse_persona

Spoken: TypeAlias = tuple[str, str]

ROUNDS = 20
MOST_ROUNDS = 60
PROBES = (1, 8, 20)
_ALWAYS = [{"stays_in_role": True}, {"no_prompt_leak": True}]


def made_stress(  # each is a different thing
    persona_id: str,
    questions: Sequence[str],
    *,
    user_model: str,
    goal: str = "",
    rounds: int = ROUNDS,
    probes: Sequence[int] = PROBES,
) -> Experiment:
    """The talk. Raises SuiteRunRefused where it can't be had."""
    distinct_questions = checked_questions(questions)
    if not distinct_questions:
        raise SuiteRunRefused("There are no questions for the probes.", hint="Write them under Adherence.")
    if not user_model:
        raise SuiteRunRefused("No model is set to play the user.", hint="Choose one.")
    if not 1 <= rounds <= MOST_ROUNDS:
        raise SuiteRunRefused(f"A talk has 1 to {MOST_ROUNDS} rounds.", hint="Choose another number.")
    placed = sorted({each for each in probes if 1 <= each <= rounds}) or [rounds]
    cases = [
        {
            "name": f"Round {number}",
            "say": "(the simulated user)",
            "check": [
                *_ALWAYS,
                *({"judge": question} for question in distinct_questions if number in placed),
            ],
        }
        for number in range(1, rounds + 1)
    ]
    suite = {"persona": persona_id, "repeat": 1, "cases": cases}
    talk = SimulatedTalk(model=user_model, goal=goal.strip()[:MOST_GOAL] or USUAL_GOAL)
    options = RunOptions(talk=talk, earlier={number: {0: number - 1} for number in range(1, rounds)})
    return Experiment("stress", json.dumps(suite, ensure_ascii=False), options)


def requests_of(report: RunReport, number: int) -> tuple[list[Spoken], list[Spoken]]:
    """What the simulated user's model and the persona's were asked in a round, as roles and words."""
    talk = report.run.options.talk
    cells = [cell for case in report.score.cases for cell in case.cells]
    cell = next(cell for cell in cells if cell.case_number == number)
    earlier = [each for each in cells if each.case_number < number]
    messages = said_so_far(greeting_of(report.run, parse_persona(report.run.persona_text)), earlier)
    user = user_persona(talk.model if talk else "", talk.goal if talk else "")
    heard: list[Spoken] = [*messages, ("user", cell.asked)]
    return (
        [("system", user.system_prompt), *flipped(messages)],
        [("system", cell.system), *heard[cell.memory_from :]],
    )
