"""Experiments over HTTP.

Each is a run without a suite, and is followed, read, cancelled and resumed like one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import JSONResponse

from personachat.api.openapi import answers, json_answer
from personachat.api.schemas import Id, RequestModel, Text, workspace_of
from personachat.lab.adherence import made_adherence
from personachat.lab.on_save import MOST_QUESTIONS, TestSettings
from personachat.lab.pairwise import MOST_QUESTION, QUESTION
from personachat.lab.replaying import made_replay, recorded
from personachat.lab.runs.documents import run_document
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.wish import RunWish
from personachat.lab.simulated_user import MOST_GOAL
from personachat.lab.stress import MOST_ROUNDS, PROBES, ROUNDS, made_stress
from personachat.lab.sweeping import Axes, made_sweep
from personachat.personas import limits

router = APIRouter(prefix="/tests", tags=["tests"])

MOST_TALKS = 200

_RUN = json_answer("The run with every reply and check.", {"type": "object", "additionalProperties": True})
_ANSWERS: Any = answers(403, 404, 409, 422, 503, s202=_RUN)

Trait = Annotated[Text, Field(max_length=limits.TRAIT)]
Temperature = Annotated[float, Field(ge=0, le=limits.TEMPERATURE)]


class ExperimentRequest(RequestModel):
    """What all have in common. Missing fields are taken from the persona."""

    persona_id: Id
    model: Annotated[Text, Field(min_length=1, max_length=200)] | SkipJsonSchema[None] = None
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | SkipJsonSchema[None] = None
    max_cost_usd: Annotated[float, Field(ge=0, le=1_000_000)] | SkipJsonSchema[None] = None

    def wish(self, *, pairwise: str = "") -> RunWish:
        return RunWish(
            persona_id=self.persona_id,
            model=self.model,
            revision=self.revision,
            most_cost_usd=self.max_cost_usd,
            pairwise=pairwise,
        )


class ReplayRequest(ExperimentRequest):
    """`course`: `recorded` sends the recorded turns before each reply, `own` the new replies instead."""

    conversation_ids: Annotated[
        list[Annotated[Text, Field(max_length=64)]], Field(min_length=1, max_length=MOST_TALKS)
    ]
    course: Literal["recorded", "own"] = "recorded"
    pairwise: Annotated[bool, Field(description="Have a judge compare each reply with the recorded one.")] = (
        False
    )
    pairwise_question: Annotated[Text, Field(min_length=3, max_length=MOST_QUESTION)] = QUESTION


class SweepRequest(ExperimentRequest):
    """Every combination of the values is tried with `message`, with `cases` of the suite, or with both."""

    tones: Annotated[list[Trait], Field(max_length=50, default_factory=list)]
    styles: Annotated[list[Trait], Field(max_length=50, default_factory=list)]
    formalities: Annotated[list[Trait], Field(max_length=50, default_factory=list)]
    temperatures: Annotated[list[Temperature], Field(max_length=50, default_factory=list)]
    message: Annotated[Text, Field(max_length=limits.MESSAGE)] = ""
    cases: Annotated[list[Annotated[Text, Field(max_length=200)]], Field(max_length=50, default_factory=list)]
    repeat: Annotated[int, Field(ge=1, le=20)] = 1


class AdherenceRequest(ExperimentRequest):
    """Without `questions`, the persona's own are asked. `share` samples the replies."""

    conversation_ids: Annotated[
        list[Annotated[Text, Field(max_length=64)]], Field(min_length=1, max_length=MOST_TALKS)
    ]
    questions: Annotated[
        list[Annotated[Text, Field(max_length=2_000)]],
        Field(max_length=MOST_QUESTIONS, default_factory=list),
    ]
    share: Annotated[float, Field(gt=0, le=1)] = 1


@router.post(
    "/adherence",
    summary="Measure how well replies fit the persona",
    status_code=202,
    responses=_ANSWERS,
    response_class=JSONResponse,
)
def start_adherence(body: AdherenceRequest, request: Request) -> JSONResponse:
    """A judge answers yes-or-no questions about recorded replies. The persona isn't called."""
    workspace = workspace_of(request)
    own = TestSettings.of(workspace.personas.get(body.persona_id).persona).questions
    talks = [
        recorded(workspace.chat, workspace.inspection, each, with_lore=False)
        for each in body.conversation_ids
    ]
    experiment = made_adherence(body.persona_id, talks, body.questions or own, share=body.share)
    return _begun(request, body.wish(), experiment)


class StressRequest(ExperimentRequest):
    """A simulated user talks to the persona. Without `questions`, the probes ask its own."""

    user_model: Annotated[Text, Field(min_length=1, max_length=200)] | SkipJsonSchema[None] = None
    goal: Annotated[Text, Field(max_length=MOST_GOAL, description="Who the user is and what they want.")] = ""
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] = ROUNDS
    probes: Annotated[
        list[Annotated[int, Field(ge=1, le=MOST_ROUNDS)]],
        Field(max_length=MOST_ROUNDS, default_factory=lambda: list(PROBES)),
    ]
    questions: Annotated[
        list[Annotated[Text, Field(max_length=2_000)]],
        Field(max_length=MOST_QUESTIONS, default_factory=list),
    ]


@router.post(
    "/stress",
    summary="Have a simulated user talk to a persona",
    status_code=202,
    responses=_ANSWERS,
    response_class=JSONResponse,
)
def start_stress(body: StressRequest, request: Request) -> JSONResponse:
    """At the probes, a judge answers the questions about the reply."""
    workspace = workspace_of(request)
    persona = workspace.personas.get(body.persona_id).persona
    experiment = made_stress(
        body.persona_id,
        body.questions or TestSettings.of(persona).questions,
        user_model=body.user_model or workspace.tests.judge_model or persona.model,
        goal=body.goal,
        rounds=body.rounds,
        probes=body.probes,
    )
    return _begun(request, body.wish(), experiment)


@router.post(
    "/replays",
    summary="Replay conversations",
    status_code=202,
    responses=_ANSWERS,
    response_class=JSONResponse,
)
def start_replay(body: ReplayRequest, request: Request) -> JSONResponse:
    """Requests each reply again."""
    workspace = workspace_of(request)
    talks = [recorded(workspace.chat, workspace.inspection, each) for each in body.conversation_ids]
    experiment = made_replay(body.persona_id, talks, course=body.course)
    return _begun(request, body.wish(pairwise=body.pairwise_question if body.pairwise else ""), experiment)


@router.post(
    "/sweeps",
    summary="Try combinations of traits",
    status_code=202,
    responses=_ANSWERS,
    response_class=JSONResponse,
)
def start_sweep(body: SweepRequest, request: Request) -> JSONResponse:
    """Sends the same messages with every combination of tone, style, formality and temperature."""
    tests = workspace_of(request).tests
    suite = tests.suites.get(body.persona_id).whole() if body.cases else None
    axes = Axes(
        tones=tuple(body.tones),
        styles=tuple(body.styles),
        formalities=tuple(body.formalities),
        temperatures=tuple(body.temperatures),
    )
    cases = [case for case in suite.cases if case.name in body.cases] if suite else []
    experiment = made_sweep(body.persona_id, axes, cases=cases, message=body.message, repeat=body.repeat)
    return _begun(request, body.wish(), experiment)


def _begun(request: Request, wish: RunWish, experiment: Experiment) -> JSONResponse:
    tests = workspace_of(request).tests
    live = tests.begin_experiment(wish, experiment)
    return JSONResponse(run_document(tests.runs.report(live.plan.run.id)), 202)
