"""Conversations over HTTP: list and search the caller's own, export and import them."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.openapi import answers, json_body
from personachat.api.schemas import (
    DOWNLOAD,
    RATINGS,
    Format,
    ListedConversation,
    ResponseModel,
    Text,
    Thumb,
    download,
    listed_of,
    workspace_of,
)
from personachat.api.uploads import uploads
from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.history.search import Hit
from personachat.stamps import end_of, start_of

router = APIRouter(prefix="/conversations", tags=["conversations"])


def _day(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("it must be a date such as 2026-01-31")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class FoundConversation(ListedConversation):
    """For a search: the newest message that matches, and the words around the match."""

    message_id: str | None = None
    excerpt: str | None = None


class ConversationPage(ResponseModel):
    """One page of a list. `nextCursor` gets the next page and is null on the last one."""

    conversations: list[FoundConversation]
    next_cursor: str | None


class Imported(ResponseModel):
    """The ids of the new conversations, in the order of the file."""

    ids: list[str]


@router.get(
    "", summary="List or search conversations", response_model=ConversationPage, responses=answers(422, 503)
)
def list_conversations(  # noqa: PLR0913  # one parameter a filter
    request: Request,
    *,
    q: Annotated[Text, Query(max_length=1000, description="Words to find in a message or title.")] = "",
    persona_id: Annotated[Text | SkipJsonSchema[None], Query(alias="personaId", max_length=200)] = None,
    model: Annotated[Text | SkipJsonSchema[None], Query(max_length=200)] = None,
    since: Annotated[Day | SkipJsonSchema[None], Query(description="The first day (UTC).")] = None,
    until: Annotated[Day | SkipJsonSchema[None], Query(description="The last day (UTC).")] = None,
    rating: Annotated[
        Thumb | SkipJsonSchema[None], Query(description=("Only conversations with a reply rated like this."))
    ] = None,
    archived: Annotated[bool, Query(description="Archived conversations instead of the others.")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    cursor: Annotated[
        Text | SkipJsonSchema[None], Query(max_length=1000, description="A page's nextCursor.")
    ] = None,
) -> ConversationPage:
    """Your own conversations, newest first. `q` searches all messages of all branches, newest first.

    Each conversation appears once on a page of results. It may appear again on a later page for an older
    message.
    """
    filters = Filters(
        persona_id=persona_id,
        model=model,
        since=None if since is None else start_of(since),
        until=None if until is None else end_of(until),
        rating=None if rating is None else RATINGS[rating],
        archived=archived,
    )
    library = workspace_of(request).library
    if q.strip():
        return _search(library, q, filters, limit=limit, cursor=cursor)
    page = library.list(filters, limit=limit, cursor=cursor)
    items = [FoundConversation(**dict(listed_of(summary))) for summary in page.conversations]
    return ConversationPage(conversations=items, next_cursor=page.next_cursor)


@router.get(
    "/export",
    summary="Export conversations",
    response_class=Response,
    responses=answers(404, 422, 503, s200=DOWNLOAD),
)
def export_conversations(
    request: Request,
    ids: Annotated[
        Text | SkipJsonSchema[None],
        Query(description="Their ids, separated by commas. If left out, all of yours."),
    ] = None,
    file_format: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """All of them in one file."""
    conversation_ids = None if ids is None else [part.strip() for part in ids.split(",") if part.strip()]
    if conversation_ids is not None and not conversation_ids:
        raise Refused(
            422, "request_invalid", "ids contains no conversation id.", hint=("Leave it out to export all.")
        )
    return download(workspace_of(request).library.export(conversation_ids, file_format))


@router.post(
    "/import",
    summary="Import conversations",
    status_code=201,
    response_model=Imported,
    responses=answers(400, 413, 422, 503),
    openapi_extra=json_body({"type": "object"}),
)
async def import_conversations(request: Request) -> Imported:
    """Takes a JSON export from PersonaChat, ChatGPT, Open WebUI or SillyTavern and adds new conversations.

    Everything is imported or, if refused, nothing. Send the file as the body or in a form.
    """
    async with uploads(request) as files:

        def run() -> list[str]:
            with files[0].content() as data:
                return list(workspace_of(request).library.import_json(data))

        return Imported(ids=await run_in_threadpool(run))


def _search(
    library: ConversationLibrary, query: str, filters: Filters, *, limit: int, cursor: str | None
) -> ConversationPage:
    results = library.search(query, filters, limit=limit, cursor=cursor)
    newest: dict[str, Hit] = {}
    for hit in results.hits:
        newest.setdefault(hit.conversation.id, hit)
    return ConversationPage(
        conversations=[
            FoundConversation(
                **dict(listed_of(hit.conversation)), message_id=hit.turn_id, excerpt=hit.excerpt
            )
            for hit in newest.values()
        ],
        next_cursor=results.next_cursor,
    )
