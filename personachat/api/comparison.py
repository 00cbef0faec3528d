"""One comparison over HTTP: continue, follow, stop, vote, read, rename, delete, export.

Endpoints return only what `personachat.lab.comparisons.seen` lets the caller see.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.comparison_schemas import (
    COMPARISON_STREAM,
    ColumnChoice,
    ComparisonChange,
    ComparisonLink,
    ComparisonStanding,
    ContinuedConversation,
    NextMessage,
    RevealBody,
    StopChoice,
    VoteBody,
    WholeComparison,
    comparisons_of,
    replies_of,
    whole_comparison,
)
from personachat.api.openapi import answers
from personachat.api.schemas import DOWNLOAD, Format, Text, download
from personachat.errors import VoteRefused
from personachat.lab.comparisons.exporting import standing_document

router = APIRouter(prefix="/comparisons/{id}", tags=["comparisons"])

ComparisonId = Annotated[Text, Path(alias="id", description="The id of the comparison.")]


@router.get("", summary="Read a comparison", response_model=WholeComparison, responses=answers(404, 422, 503))
def get_comparison(comparison_id: ComparisonId, request: Request) -> WholeComparison:
    """With all messages and replies, live ones as they are now."""
    return whole_comparison(comparisons_of(request).seen(comparison_id))


@router.patch(
    "",
    summary="Rename a comparison, or change its cost limit",
    response_model=WholeComparison,
    responses=answers(400, 404, 409, 422, 503),
)
def change_comparison(
    comparison_id: ComparisonId, body: ComparisonChange, request: Request
) -> WholeComparison:
    """Changes only what you send. The cost limit can't be changed while a blind vote is open."""
    comparisons = comparisons_of(request)
    if body.title is not None:
        comparisons.rename(comparison_id, body.title)
    if "max_cost_usd" in body.model_fields_set:
        comparisons.limit(comparison_id, body.max_cost_usd)
    return whole_comparison(comparisons.seen(comparison_id))


@router.delete(
    "",
    summary="Delete a comparison",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def delete_comparison(comparison_id: ComparisonId, request: Request) -> None:
    """It is hidden at once and can be restored for a while. Live replies are stopped."""
    comparisons_of(request).delete(comparison_id)


@router.post(
    "/restore",
    summary="Restore a deleted comparison",
    response_model=WholeComparison,
    responses=answers(404, 422, 503),
)
def restore_comparison(comparison_id: ComparisonId, request: Request) -> WholeComparison:
    """Undoes the deletion. A comparison that isn't deleted stays as it is."""
    comparisons = comparisons_of(request)
    comparisons.restore(comparison_id)
    return whole_comparison(comparisons.seen(comparison_id))


@router.post(
    "/messages",
    summary="Send the next message to all variants",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 503, s200=COMPARISON_STREAM | {"model": WholeComparison}),
)
async def continue_comparison(comparison_id: ComparisonId, body: NextMessage, request: Request) -> Response:
    """Each variant answers with its own history. Refused while replies are still being written."""

    def send() -> None:
        comparisons = comparisons_of(request)
        if body.message is None:
            comparisons.send_next(comparison_id)
        else:
            comparisons.send(comparison_id, body.message)

    await run_in_threadpool(send)
    return await replies_of(request, comparison_id)


@router.post(
    "/list",
    summary="Send the whole list",
    status_code=202,
    response_model=WholeComparison,
    responses=answers(400, 404, 422, 503),
)
def send_list(comparison_id: ComparisonId, request: Request) -> WholeComparison:
    """Sends the waiting messages, each when the replies to the one before it are complete.

    The server does it, whether or not anyone is connected, until `/stop`, the cost limit, or a reply that
    fails. Not for blind comparisons: they need a vote on each message.
    """
    comparisons = comparisons_of(request)
    comparisons.send_all(comparison_id)
    return whole_comparison(comparisons.seen(comparison_id))


@router.get(
    "/events",
    summary="Watch the replies to the last message",
    response_class=Response,
    responses=answers(404, 422, 503, s200=COMPARISON_STREAM | {"model": WholeComparison}),
)
async def follow_comparison(comparison_id: ComparisonId, request: Request) -> Response:
    """All of them from their start, live or complete."""
    return await replies_of(request, comparison_id)


@router.post(
    "/stop",
    summary="Stop replies",
    response_model=WholeComparison,
    responses=answers(400, 404, 422, 503),
)
def stop_comparison(comparison_id: ComparisonId, body: StopChoice, request: Request) -> WholeComparison:
    """Stops one reply to the last message, or all of them and the list. The text so far is kept."""
    comparisons = comparisons_of(request)
    comparisons.stop(comparison_id, body.variant)
    return whole_comparison(comparisons.seen(comparison_id))


@router.post(
    "/retry",
    summary="Ask one variant again",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 503, s200=COMPARISON_STREAM | {"model": WholeComparison}),
)
async def retry_comparison(comparison_id: ComparisonId, body: ColumnChoice, request: Request) -> Response:
    """Replaces its reply to the last message. Refused once there is a vote."""
    await run_in_threadpool(lambda: comparisons_of(request).retry(comparison_id, body.variant))
    return await replies_of(request, comparison_id)


@router.post(
    "/votes",
    summary="Vote",
    response_model=WholeComparison,
    responses=answers(400, 404, 409, 422, 503),
)
def vote_on_comparison(comparison_id: ComparisonId, body: VoteBody, request: Request) -> WholeComparison:
    """Afterwards everything is shown. A blind vote is final; an open one can be replaced."""
    return whole_comparison(comparisons_of(request).vote(comparison_id, body.number, body.choice))


@router.post(
    "/reveal",
    summary="Show names before a blind vote",
    response_model=WholeComparison,
    responses=answers(400, 404, 422, 503),
)
def reveal_comparison(comparison_id: ComparisonId, body: RevealBody, request: Request) -> WholeComparison:
    """A vote on this message is kept but not counted after that."""
    return whole_comparison(comparisons_of(request).reveal(comparison_id, body.number))


@router.get(
    "/standing",
    summary="Read the standing",
    response_model=ComparisonStanding,
    responses=answers(404, 409, 422, 503),
)
def get_standing(comparison_id: ComparisonId, request: Request) -> ComparisonStanding:
    """Who leads, with intervals, and whether anything is decided. Refused while a blind vote is open."""
    document = standing_document(comparisons_of(request).seen(comparison_id))
    if document is None:
        raise VoteRefused("The standing is hidden until you vote.", hint="Vote first.")
    return ComparisonStanding.model_validate(document, by_alias=True)


@router.get(
    "/export",
    summary="Export a comparison",
    response_class=Response,
    responses=answers(404, 422, 503, s200=DOWNLOAD),
)
def export_comparison(
    comparison_id: ComparisonId,
    request: Request,
    file_format: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """As you see it now."""
    return download(comparisons_of(request).export(comparison_id, file_format))


@router.post(
    "/share",
    summary="Share a comparison",
    response_model=ComparisonLink,
    responses=answers(404, 422, 503),
)
def share_comparison(comparison_id: ComparisonId, request: Request) -> ComparisonLink:
    """Returns the link that exists, or a new one. Names stay hidden while a blind vote is open."""
    token = comparisons_of(request).share(comparison_id)
    return ComparisonLink(token=token, url=f"/shared?comparison={quote(token)}")


@router.delete(
    "/share",
    summary="Revoke the link to a comparison",
    status_code=204,
    response_model=None,
    responses=answers(404, 422, 503),
)
def unshare_comparison(comparison_id: ComparisonId, request: Request) -> None:
    """The link stops working permanently. A new link gets a new address."""
    comparisons_of(request).unshare(comparison_id)


@router.post(
    "/continue",
    summary="Continue with one column as a conversation",
    response_model=ContinuedConversation,
    status_code=201,
    responses=answers(400, 404, 409, 422, 503),
)
def continue_with_column(
    comparison_id: ComparisonId, body: ColumnChoice, request: Request
) -> ContinuedConversation:
    """Copies the column's messages into a new conversation. Refused while a blind vote is open."""
    continued = comparisons_of(request).continue_with(comparison_id, body.variant)
    return ContinuedConversation(
        conversation_id=continued.conversation_id,
        persona=continued.persona,
        settings=continued.settings,
        differs=list(continued.differs),
    )
