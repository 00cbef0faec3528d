"""Suites and test runs as they are on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from personachat.api.schemas import Id, RequestModel, ResponseModel, Text
from personachat.lab.pairwise import MOST_QUESTION, QUESTION
from personachat.lab.runs.wish import RunWish


class SuiteProblem(ResponseModel):
    """Lines and columns start at 1."""

    message: str
    line: int
    column: int


class SuiteAnswer(ResponseModel):
    """A suite as it is stored. It can be run if there are no `problems`."""

    persona_id: str
    etag: str
    text: str
    cases: int
    problems: list[SuiteProblem]


class SuiteList(ResponseModel):
    """By persona."""

    suites: list[SuiteAnswer]


class SuiteText(RequestModel):
    text: Annotated[Text, Field(max_length=1_000_000)]


class RunRequest(RequestModel):
    """Missing fields are taken from the suite or the persona. `revision` tests an earlier version."""

    persona_id: Id
    repeat: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = None
    model: Annotated[Text, Field(min_length=1, max_length=200)] | SkipJsonSchema[None] = None
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | SkipJsonSchema[None] = None
    max_cost_usd: Annotated[float, Field(ge=0, le=1_000_000)] | SkipJsonSchema[None] = None
    pairwise_against: (
        Annotated[
            Text,
            Field(
                max_length=64,
                description="One of your runs. A judge compares each reply with the one from that run.",
            ),
        ]
        | SkipJsonSchema[None]
    ) = None
    pairwise_question: Annotated[
        Text,
        Field(min_length=3, max_length=MOST_QUESTION, description="The question that the judge decides."),
    ] = QUESTION

    def wish(self) -> RunWish:
        return RunWish(
            persona_id=self.persona_id,
            repeat=self.repeat,
            model=self.model,
            revision=self.revision,
            most_cost_usd=self.max_cost_usd,
            pairwise=self.pairwise_question if self.pairwise_against else "",
            against=self.pairwise_against or "",
        )


class RunEstimate(ResponseModel):
    """What a run would take. Null if unknown. `mostUsd` includes all retries."""

    replies: int
    calls: int
    judge_calls: int
    prompt_tokens: int
    reply_tokens: int
    cost_usd: float | None
    most_usd: float | None
    seconds: float | None
    provider: str
    model: str


class RunHead(ResponseModel):
    id: str
    kind: str
    persona_id: str
    persona_revision: str
    suite_revision: str
    model: str | None
    judge: str | None
    state: str
    planned: int
    began_at: str
    ended_at: str | None


class RunList(ResponseModel):
    """Newest first."""

    runs: list[RunHead]
