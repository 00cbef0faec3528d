"""Findings in a persona, and the cost of a message, before it is saved."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from personachat.api.bounds import place, sentence
from personachat.api.openapi import PERSONA, answers, json_body
from personachat.api.personas.personas import text_of
from personachat.api.schemas import ResponseModel, services_of
from personachat.personas.persona import parse_persona

router = APIRouter(prefix="/personas", tags=["personas"])

MOST_FINDINGS = 200


class LintFinding(ResponseModel):
    """A sentence and its place in the text. Lines and columns start at 1."""

    code: str
    severity: Literal["warning", "info"]
    message: str
    line: int
    column: int
    path: list[str | int]


class MessageEstimate(ResponseModel):
    """For one message to it. Null if unknown."""

    prompt_tokens: int
    reply_tokens_most: int
    window_tokens: int | None
    cost_usd_most: float | None


class LintReport(ResponseModel):
    """In the order of lines. If there are very many, only the first ones."""

    findings: list[LintFinding]
    estimate: MessageEstimate


@router.post(
    "/lint",
    summary="Check a persona for likely trouble",
    response_model=LintReport,
    responses=answers(400, 413, 422, 503),
    openapi_extra=json_body(PERSONA),
)
async def lint_persona(request: Request) -> LintReport:
    """Saves nothing. What violates the schema is a problem, as when saving."""
    text = await text_of(request)

    def lint() -> LintReport:
        linter, persona = services_of(request).linter, parse_persona(text)
        estimate = linter.estimate(persona)
        return LintReport(
            findings=[
                LintFinding(
                    code=finding.code,
                    severity=finding.severity,
                    message=sentence(finding.message),
                    line=finding.line,
                    column=finding.column,
                    path=place(finding.path),
                )
                for finding in linter.lint(text)[:MOST_FINDINGS]
            ],
            estimate=MessageEstimate(
                prompt_tokens=estimate.prompt_tokens,
                reply_tokens_most=estimate.reply_tokens_most,
                window_tokens=estimate.window_tokens,
                cost_usd_most=estimate.cost_usd_most,
            ),
        )

    return await run_in_threadpool(lint)
