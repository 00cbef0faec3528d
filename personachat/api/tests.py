"""Tests over HTTP: suites with their ETags, forecasts, runs as they happen, and their results."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from personachat.api.bounds import sentence
from personachat.api.errors import Refused
from personachat.api.etags import IfMatch, condition_of
from personachat.api.openapi import answers, json_answer
from personachat.api.schemas import PersonaId, TestRunId, Text, workspace_of
from personachat.api.test_schemas import (
    RunEstimate,
    RunHead,
    RunList,
    RunRequest,
    SuiteAnswer,
    SuiteList,
    SuiteProblem,
    SuiteText,
)
from personachat.lab.runs.documents import case_document, cell_document, junit, run_document, score_document
from personachat.lab.runs.model import Cell
from personachat.lab.runs.options import RunKind
from personachat.lab.runs.reports import RunReport
from personachat.lab.suites.model import suite_schema
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.lab.testing import Tests

router = APIRouter(prefix="/tests", tags=["tests"])
suite = APIRouter(prefix="/suites/{id}")
run = APIRouter(prefix="/runs/{id}")

WAIT_SECONDS = 1.0
MOST_PROBLEMS = 50

_ANY = {"type": "object", "additionalProperties": True}
_RUN = json_answer("The run with every reply and check.", _ANY)


@router.get(
    "/schema",
    summary="Get the JSON Schema of test suites",
    responses=answers(s200=json_answer("A JSON Schema.", _ANY)),
    response_class=JSONResponse,
)
def get_test_schema() -> JSONResponse:
    """For editors. A suite is YAML or JSON."""
    return JSONResponse(suite_schema())


@router.get("/suites", summary="List test suites", response_model=SuiteList, responses=answers(503))
def list_test_suites(request: Request) -> SuiteList:
    """One per persona at most."""
    tests = _tests(request)
    return SuiteList(suites=[_answer(tests.suites.get(persona_id)) for persona_id in tests.suites.ids()])


@suite.get(
    "",
    summary="Get a persona's test suite",
    response_model=SuiteAnswer,
    responses=answers(404, 503),
)
def get_test_suite(persona_id: PersonaId, request: Request, response: Response) -> SuiteAnswer:
    """With its ETag, which you send back when you save."""
    stored_suite = _tests(request).suites.get(persona_id)
    response.headers["ETag"] = f'"{stored_suite.etag}"'
    return _answer(stored_suite)


@suite.put(
    "",
    summary="Save a persona's test suite",
    response_model=SuiteAnswer,
    responses=answers(400, 403, 404, 412, 413, 422, 503),
)
def save_test_suite(
    persona_id: PersonaId,
    body: SuiteText,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> SuiteAnswer:
    """`text` is YAML or JSON. With `If-Match`, only over that version."""
    etags = condition_of(if_match, None).etags
    stored_suite = _tests(request).suites.save(persona_id, body.text, etag=etags[0] if etags else None)
    response.headers["ETag"] = f'"{stored_suite.etag}"'
    return _answer(stored_suite)


@suite.delete(
    "",
    summary="Delete a persona's test suite",
    status_code=204,
    responses=answers(403, 404, 412, 503),
)
def delete_test_suite(persona_id: PersonaId, request: Request, if_match: IfMatch = None) -> None:
    """Its runs stay."""
    etags = condition_of(if_match, None).etags
    _tests(request).suites.delete(persona_id, etag=etags[0] if etags else None)


@router.post(
    "/forecast",
    summary="Estimate a test run",
    response_model=RunEstimate,
    responses=answers(404, 422, 503),
)
def estimate_test_run(body: RunRequest, request: Request) -> RunEstimate:
    """No model is called."""
    forecast = _tests(request).forecast(body.wish())
    return RunEstimate(
        replies=forecast.cells,
        calls=forecast.calls,
        judge_calls=forecast.judge_calls,
        prompt_tokens=forecast.prompt_tokens,
        reply_tokens=forecast.reply_tokens,
        cost_usd=forecast.cost_usd,
        most_usd=forecast.most_usd,
        seconds=forecast.seconds,
        provider=forecast.provider,
        model=forecast.model,
    )


@router.post(
    "/runs",
    summary="Run a persona's tests",
    status_code=202,
    responses=answers(403, 404, 409, 422, 503, s202=_RUN),
    response_class=JSONResponse,
)
def start_test_run(body: RunRequest, request: Request) -> JSONResponse:
    """Answers immediately. Follow the run with `/tests/runs/{id}/events`."""
    tests = _tests(request)
    live = tests.start(body.wish())
    return JSONResponse(run_document(tests.runs.report(live.plan.run.id)), 202)


@router.get("/runs", summary="List your test runs", response_model=RunList, responses=answers(422, 503))
def list_test_runs(
    request: Request,
    persona_id: Annotated[
        Text | SkipJsonSchema[None],
        Query(alias="personaId", max_length=64, description="Only this persona's."),
    ] = None,
    kind: Annotated[RunKind, Query(description="Runs of suites, or others.")] = "suite",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RunList:
    """Without their results."""
    return RunList(
        runs=[
            RunHead(
                id=run.id,
                kind=run.kind,
                persona_id=run.persona_id,
                persona_revision=run.persona_revision,
                suite_revision=run.suite_etag,
                model=run.model or None,
                judge=run.judge or None,
                state=run.state,
                planned=run.planned,
                began_at=run.began_at.isoformat(),
                ended_at=run.ended_at.isoformat() if run.ended_at else None,
            )
            for run in _tests(request).runs.of(persona_id, kind=kind, limit=limit)
        ]
    )


@run.get(
    "",
    summary="Get a test run",
    responses=answers(404, 422, 503, s200=_RUN),
    response_class=JSONResponse,
)
def get_test_run(
    run_id: TestRunId,
    request: Request,
    against: Annotated[
        Text | SkipJsonSchema[None],
        Query(max_length=64, description="The run to compare with. By default, the one before."),
    ] = None,
) -> JSONResponse:
    """With every reply, its checks, and what changed since the run before."""
    return JSONResponse(run_document(_tests(request).runs.report(run_id, before=against)))


@run.get(
    "/junit",
    summary="Get a test run as JUnit XML",
    responses=answers(
        404,
        503,
        s200={"description": "JUnit XML.", "content": {"application/xml": {"schema": {"type": "string"}}}},
    ),
    response_class=Response,
)
def get_test_run_junit(run_id: TestRunId, request: Request) -> Response:
    """For CI systems."""
    return Response(junit([_tests(request).runs.report(run_id)]), media_type="application/xml")


@run.get(
    "/events",
    summary="Follow a test run",
    responses=answers(
        404,
        503,
        s200={
            "description": (
                "Server-sent events: `reply` for each one that is complete, then `done` with the score, then "
                "`[DONE]`."
            ),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    ),
    response_class=StreamingResponse,
)
async def follow_test_run(run_id: TestRunId, request: Request) -> StreamingResponse:
    """From the beginning. The run continues if you disconnect."""
    tests = await run_in_threadpool(_tests, request)
    report = await run_in_threadpool(tests.runs.report, run_id)
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(tests, report), media_type="text/event-stream", headers=headers)


@run.post(
    "/cancel",
    summary="Cancel a test run",
    responses=answers(404, 409, 503, s200=_RUN),
    response_class=JSONResponse,
)
def cancel_test_run(run_id: TestRunId, request: Request) -> JSONResponse:
    """Complete replies are kept. A run on another server of the same database ends within a few seconds."""
    tests = _tests(request)
    if not tests.runs.cancel(run_id):
        raise Refused(409, "test_run_over", "The test run is already over.")
    return JSONResponse(run_document(tests.runs.report(run_id)))


@run.post(
    "/resume",
    summary="Resume a test run",
    status_code=202,
    responses=answers(403, 404, 409, 422, 503, s202=_RUN),
    response_class=JSONResponse,
)
def resume_test_run(run_id: TestRunId, request: Request) -> JSONResponse:
    """Runs the missing replies."""
    tests = _tests(request)
    if tests.resume(run_id) is None:
        raise Refused(409, "test_run_running", "The test run is still running.")
    return JSONResponse(run_document(tests.runs.report(run_id)), 202)


@run.delete("", summary="Delete a test run", status_code=204, responses=answers(404, 503))
def delete_test_run(run_id: TestRunId, request: Request) -> None:
    """With its results."""
    _tests(request).runs.delete(run_id)


def _tests(request: Request) -> Tests:
    return workspace_of(request).tests


def _answer(stored_suite: StoredSuite) -> SuiteAnswer:
    return SuiteAnswer(
        persona_id=stored_suite.persona_id,
        etag=stored_suite.etag,
        text=stored_suite.text,
        cases=len(stored_suite.suite.cases) if stored_suite.suite else 0,
        problems=[
            SuiteProblem(message=sentence(problem.message), line=problem.line, column=problem.column)
            for problem in stored_suite.problems[:MOST_PROBLEMS]
        ],
    )


async def _events(tests: Tests, report: RunReport) -> AsyncIterator[bytes]:
    """Each reply once, as soon as it is known. Following a run doesn't affect it."""
    run_id, sent_cells = report.run.id, set[tuple[int, int]]()
    while True:
        live = tests.runs.live(run_id)
        if live:
            await run_in_threadpool(live.wait, len(sent_cells), timeout_seconds=WAIT_SECONDS)
        report = await run_in_threadpool(tests.runs.report, run_id)
        new = False
        for case in report.score.cases:
            for cell in case.cells:
                if (cell.case_number, cell.attempt) not in sent_cells:
                    sent_cells.add((cell.case_number, cell.attempt))
                    new = True
                    yield _event(len(sent_cells), "reply", _reply(case.name, cell))
        if report.run.state != "running":
            break
        if not new:
            yield b": waiting\n\n"
            if live is None:  # another process executes it
                await anyio.sleep(WAIT_SECONDS)
    done = {"state": report.run.state, "score": score_document(report.score)}
    cases = [case_document(case) | {"replies": None} for case in report.score.cases]
    yield _event(len(sent_cells) + 1, "done", done | {"cases": cases})
    yield b"data: [DONE]\n\n"


def _reply(case: str, cell: Cell) -> dict[str, Any]:
    return {"case": case, **cell_document(cell)}


def _event(number: int, name: str, data: dict[str, Any]) -> bytes:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")


router.include_router(suite)
router.include_router(run)
