"""A persona's lore book over HTTP: imported from files, exported, and tried with a message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.openapi import answers
from personachat.api.schemas import PersonaId, RequestModel, ResponseModel, Text, disposition, workspace_of
from personachat.messages import ChatMessage
from personachat.personas.formats.lore_files import read_lore
from personachat.personas.lorebook import ActivatedEntry
from personachat.personas.prompt import persona_part

router = APIRouter(prefix="/personas/{id}/lore", tags=["personas"])

_FILE: dict[str, Any] = {
    "description": "A lorebook_v3 file.",
    "headers": {"Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}}},
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_FILE_BODY = {
    "requestBody": {
        "required": True,
        "description": ("SillyTavern World Info, a lorebook_v3 file, or a character card with a lore book."),
        "content": {
            "application/json": {"schema": {}},
            "application/octet-stream": {
                "schema": {"type": "string", "contentMediaType": "application/octet-stream"}
            },
        },
    }
}


class LoreReport(ResponseModel):
    """How many entries of the file can be used, and sentences about what has no effect here."""

    dry_run: bool
    entries: int
    warnings: list[str]
    etag: str | None = None


class LoreTrial(RequestModel):
    """What a user might write."""

    text: Annotated[Text, Field(max_length=200_000)]


class ToldLore(ResponseModel):
    """An included entry: its number in the book (from 0), what triggered it, and its text."""

    number: int
    name: str
    key: str
    text: str


class LoreActivations(ResponseModel):
    """In the order of insertion. `no_room` entries were triggered but exceed the book's budget."""

    told: list[ToldLore]
    no_room: list[ToldLore]


@router.get(
    "",
    summary="Export a persona's lore",
    response_class=Response,
    responses=answers(404, 409, 422, 503, s200=_FILE),
)
def get_persona_lore(persona_id: PersonaId, request: Request) -> Response:
    """Only its lore book, as a `lorebook_v3` file."""
    content = workspace_of(request).collection.lore(persona_id)
    if content is None:
        raise Refused(404, "lore_not_found", "This persona has no lore book.")
    headers = {"Content-Disposition": disposition(f"{persona_id}-lore.json")}
    return Response(content, headers=headers, media_type="application/json")


@router.post(
    "",
    summary="Import lore into a persona",
    response_model=LoreReport,
    responses=answers(400, 404, 409, 412, 413, 422, 503),
    openapi_extra=_FILE_BODY,
)
async def add_persona_lore(
    persona_id: PersonaId,
    request: Request,
    *,
    mode: Annotated[
        Literal["add", "replace"], Query(description="Add to the existing entries, or replace them.")
    ] = "add",
    dry_run: Annotated[bool, Query(alias="dryRun", description="Only report what would happen.")] = False,
    filename: Annotated[Text, Query(max_length=255, description="A file name for the revision's note.")] = "",
) -> LoreReport:
    """Entries that already exist are not added again."""
    content = await request.body()

    def run() -> LoreReport:
        collection = workspace_of(request).collection
        read = read_lore(content)
        report = LoreReport(dry_run=dry_run, entries=read.entries, warnings=list(read.losses))
        if dry_run:
            collection.get(persona_id)
            return report
        saved = collection.add_lore(persona_id, read.book, joining=mode, filename=filename)
        return report.model_copy(update={"etag": saved.etag})

    return await run_in_threadpool(run)


@router.post(
    "/test",
    summary="Try a persona's lore",
    response_model=LoreActivations,
    responses=answers(400, 404, 409, 413, 422, 503),
)
def try_persona_lore(persona_id: PersonaId, body: LoreTrial, request: Request) -> LoreActivations:
    """Which entries this text would include as a first message."""
    persona = workspace_of(request).collection.get(persona_id).persona
    now = datetime.now().astimezone()  # the server's own day and time, as in a chat
    lore = persona_part(persona, [ChatMessage("user", body.text)], today=now).lore
    return LoreActivations(
        told=[_lore_item(each) for each in lore.entries], no_room=[_lore_item(each) for each in lore.no_room]
    )


def _lore_item(each: ActivatedEntry) -> ToldLore:
    return ToldLore(number=each.entry.number, name=each.entry.name, key=each.by, text=each.text)
