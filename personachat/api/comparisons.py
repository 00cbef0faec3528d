"""Comparisons over HTTP: start one, and list the caller's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.comparison_schemas import (
    COMPARISON_STREAM,
    ComparisonBody,
    ComparisonHead,
    ComparisonList,
    OverallComparisonStanding,
    WholeComparison,
    comparisons_of,
    replies_of,
)
from personachat.api.openapi import answers
from personachat.api.schemas import Text
from personachat.lab.comparisons.exporting import overall_document

router = APIRouter(prefix="/comparisons", tags=["comparisons"])


@router.post(
    "",
    summary="Compare variants",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 503, s200=COMPARISON_STREAM | {"model": WholeComparison}),
)
async def start_comparison(body: ComparisonBody, request: Request) -> Response:
    """Sends a message to several variants and streams all replies at once. The comparison is saved.

    With `Accept: application/json`, you get the whole comparison when all replies are complete. They go
    on if the connection closes; read them later with GET.
    """

    def begin() -> str:
        comparisons = comparisons_of(request)
        message, waiting = body.messages(comparisons.questions)
        return comparisons.begin(
            [each.setup() for each in body.variants],
            message,
            blind=body.blind,
            waiting=waiting,
            most_cost_usd=body.max_cost_usd,
        )

    return await replies_of(request, await run_in_threadpool(begin))


@router.get("", summary="List comparisons", response_model=ComparisonList, responses=answers(422, 503))
def list_comparisons(
    request: Request,
    *,
    q: Annotated[Text, Query(max_length=200, description="Words in a title or message.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ComparisonList:
    """Your own, newest first."""
    return ComparisonList(
        comparisons=[
            ComparisonHead(
                id=each.id,
                title=each.title,
                blind=each.blind,
                message_count=each.rounds,
                vote_count=each.votes,
                created_at=each.created_at.isoformat(),
                updated_at=each.updated_at.isoformat(),
            )
            for each in comparisons_of(request).newest(limit=limit, sought=q)
        ]
    )


@router.get(
    "/standing",
    summary="Read the standing over all comparisons",
    response_model=OverallComparisonStanding,
    responses=answers(404, 422, 503),
)
def get_overall_standing(
    request: Request,
    *,
    q: Annotated[Text, Query(max_length=200, description="Only comparisons with these words.")] = "",
    question_set_id: Annotated[
        Text | None, Query(alias="questionSetId", description="Only votes on messages of this saved list.")
    ] = None,
    everyone: Annotated[
        bool,
        Query(description="If people log in here: also count other people's votes on personas you can use."),
    ] = False,
) -> OverallComparisonStanding:
    """How personas and their models rank by all votes that count, and who voted."""
    standing = comparisons_of(request).overall.standing(
        sought=q, question_set_id=question_set_id, everyone=everyone
    )
    document = overall_document(standing)
    return OverallComparisonStanding.model_validate(document, by_alias=True)
