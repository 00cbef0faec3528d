"""Links to the results of test runs, over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request

from personachat.api.openapi import answers
from personachat.api.schemas import ResponseModel, TestRunId, workspace_of

router = APIRouter(prefix="/tests/runs/{id}/share", tags=["tests"])


class ResultsLink(ResponseModel):
    """Anyone with the link can read the results."""

    token: str
    url: str


@router.post(
    "",
    summary="Share the results of a test run",
    response_model=ResultsLink,
    responses=answers(403, 404, 409, 422, 503),
)
def share_test_run(run_id: TestRunId, request: Request) -> ResultsLink:
    """Returns the link that exists, or a new one."""
    token = workspace_of(request).tests.results.share(run_id)
    return ResultsLink(token=token, url=f"/shared?results={quote(token)}")


@router.delete(
    "",
    summary="Revoke the link to a test run",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def unshare_test_run(run_id: TestRunId, request: Request) -> None:
    """The link stops working permanently. A new link gets a new address."""
    workspace_of(request).tests.results.unshare(run_id)
