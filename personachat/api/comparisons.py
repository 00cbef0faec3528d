"""Comparisons over HTTP: begin one, and list the caller's own."""

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
    """Sends a message to several variants and streams all replies at once. The comparison is kept.

    With `Accept: application/json` the whole comparison comes when all replies are complete. The replies go
    on if the connection closes; read them later with GET.
    """

    def begin() -> str:
        setups = [each.setup() for each in body.variants]
        return comparisons_of(request).begin(setups, body.message, blind=body.blind, waiting=body.waiting)

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
            for each in comparisons_of(request).listed(limit=limit, sought=q)
        ]
    )


@router.get(
    "/standing",
    summary="Read the standing over all comparisons",
    response_model=OverallComparisonStanding,
    responses=answers(422, 503),
)
def get_overall_standing(
    request: Request,
    *,
    q: Annotated[Text, Query(max_length=200, description="Only comparisons with these words.")] = "",
) -> OverallComparisonStanding:
    """Where personas stand with their models, by all your votes that count."""
    told = overall_document(comparisons_of(request).overall(sought=q))
    return OverallComparisonStanding.model_validate(told, by_alias=True)
