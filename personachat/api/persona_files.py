"""Personas as files over HTTP: out in any format, and in again with a word before anything is saved."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.bodies import Answer, PersonaId, Text, workspace_of
from personachat.api.download import disposition
from personachat.api.errors import Refused, problem
from personachat.api.openapi import answers
from personachat.api.persona_versions import Changed
from personachat.differences import as_json
from personachat.interchange.departures import FORMATS, Departure, Format
from personachat.persona_import import Choice, ImportAction, Outcome, PlannedImport, Result

every = APIRouter(prefix="/personas", tags=["personas"])
one = APIRouter(prefix="/personas/{id}", tags=["personas"])

OnConflict = Literal["refuse", "replace", "rename"]
CHOICES: dict[OnConflict, Choice] = {"refuse": "mine", "replace": "theirs", "rename": "both"}

_FILE: dict[str, Any] = {
    "description": "The file. `X-Export-Losses` counts what the format cannot hold; `report=true` says what.",
    "headers": {
        "Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}},
        "X-Export-Losses": {"schema": {"type": "integer"}},
    },
    "content": {
        **{
            facts.media_type: {"schema": {"type": "string", "contentMediaType": facts.media_type}}
            for facts in FORMATS.values()
        },
        "application/json": {"schema": {}},
    },
}
_FILE_BODY = {
    "requestBody": {
        "required": True,
        "description": "A persona, a character card (JSON, PNG, CHARX) or a bundle.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "contentMediaType": "application/octet-stream"}
            },
            "application/json": {"schema": {}},
        },
    }
}


class ExportReport(Answer):
    """What an export would be, and what its format cannot hold."""

    format: Format
    filename: str
    losses: list[str]


class ImportItem(Answer):
    """One persona of the file. `result` is null in a dry run; `differences` lead from ours to theirs."""

    id: str
    name: str
    action: ImportAction
    warnings: list[str]
    differences: list[Changed]
    result: Result | None = None
    saved_id: str | None = None
    error: str | None = None


class ImportReport(Answer):
    """In the order of the file."""

    dry_run: bool
    items: list[ImportItem]


@every.get(
    "/export",
    summary="Export personas as a bundle",
    response_class=Response,
    responses=answers(404, 409, 422, 503, s200=_FILE),
)
def export_personas(
    request: Request,
    ids: Annotated[
        Text | SkipJsonSchema[None],
        Query(description="Their ids, separated by commas; without it, all."),
    ] = None,
) -> Response:
    """A ZIP archive with a manifest, which can be imported."""
    chosen = None if ids is None else [part.strip() for part in ids.split(",") if part.strip()]
    if chosen is not None and not chosen:
        raise Refused(422, "request_invalid", "ids names no persona.", hint="Leave it out for all.")
    return _download(workspace_of(request).collection.bundle(chosen))


@every.post(
    "/import",
    summary="Import personas",
    response_model=ImportReport,
    responses=answers(400, 409, 413, 422, 503),
    openapi_extra=_FILE_BODY,
)
async def import_personas(
    request: Request,
    *,
    dry_run: Annotated[bool, Query(alias="dryRun", description="Only say what would happen.")] = False,
    on_conflict: Annotated[
        OnConflict,
        Query(
            alias="onConflict",
            description="Of a persona that is here and different: import nothing, replace it, or keep both.",
        ),
    ] = "refuse",
    filename: Annotated[Text, Query(max_length=255, description="For the revisions' notes.")] = "",
) -> Any:
    """Takes what an export gave, and character cards; a file is taken in whole or refused whole.

    What was changed by somebody else in the same moment fails by itself, and its item says so.
    """
    content = await request.body()

    def run() -> Any:
        collection = workspace_of(request).collection
        plan = collection.plan_import(content, filename=filename)
        items = [_item(planned) for planned in plan.items]
        if dry_run:
            return ImportReport(dry_run=True, items=items)
        if on_conflict == "refuse" and plan.conflicts:
            found = [item.model_dump(mode="json", by_alias=True) for item in items]
            return problem(
                409,
                "import_conflict",
                f"{len(plan.conflicts)} of {len(items)} are here and different; nothing was imported.",
                hint="Choose onConflict=replace or onConflict=rename.",
                extra={"items": found},
            )
        choices = {planned.id: CHOICES[on_conflict] for planned in plan.conflicts}
        outcomes = collection.carry_out(plan, choices)
        return ImportReport(dry_run=False, items=[_done(*pair) for pair in zip(items, outcomes, strict=True)])

    return await run_in_threadpool(run)


@one.get(
    "/export",
    summary="Export a persona",
    response_class=Response,
    responses=answers(404, 409, 422, 503, s200=_FILE),
)
def export_persona(
    persona_id: PersonaId,
    request: Request,
    *,
    kind: Annotated[Format, Query(alias="format")] = "json",
    report: Annotated[bool, Query(description="Say what the format cannot hold, instead.")] = False,
) -> Response:
    """As our own JSON, as a character card, or for another program."""
    made = workspace_of(request).collection.export(persona_id, kind)
    if report:
        said = ExportReport(format=kind, filename=made.filename, losses=list(made.losses))
        return Response(said.model_dump_json(by_alias=True), media_type="application/json")
    return _download(made)


def _download(made: Departure) -> Response:
    headers = {
        "Content-Disposition": disposition(made.filename),
        "X-Export-Losses": str(len(made.losses)),
    }
    return Response(made.content, headers=headers, media_type=made.media_type)


def _item(planned: PlannedImport) -> ImportItem:
    return ImportItem(
        id=planned.id,
        name=planned.name,
        action=planned.action,
        warnings=list(planned.losses),
        differences=[Changed.model_validate(each) for each in as_json(planned.differences)],
    )


def _done(item: ImportItem, outcome: Outcome) -> ImportItem:
    return item.model_copy(
        update={
            "result": outcome.result,
            "saved_id": outcome.saved and outcome.saved.id,
            "error": outcome.error and str(outcome.error),
        }
    )


router = APIRouter()
for _part in (every, one):
    router.include_router(_part)
