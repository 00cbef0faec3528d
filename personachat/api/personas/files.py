"""Personas as files over HTTP: exported in any format, and imported with a dry run first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from personachat.api.errors import Refused, problem
from personachat.api.openapi import answers
from personachat.api.personas.versions import Changed
from personachat.api.schemas import PersonaId, ResponseModel, Text, disposition, workspace_of
from personachat.api.uploads import Upload, uploads
from personachat.authoring.imports import Choice, ImportAction, ImportPlan, Outcome, PlannedImport, Result
from personachat.authoring.library import PersonaLibrary
from personachat.errors import ImportRefused, PersonaInvalid
from personachat.jsontext.faults import excerpt
from personachat.personas.diff import as_json
from personachat.personas.formats.catalogue import FORMATS, ExportedFile, Format, NoPersona, Skipped
from personachat.personas.formats.programs.tables import ROLES

every = APIRouter(prefix="/personas", tags=["personas"])
one = APIRouter(prefix="/personas/{id}", tags=["personas"])

OnConflict = Literal["refuse", "replace", "rename"]
CHOICES: dict[OnConflict, Choice] = {"refuse": "mine", "replace": "theirs", "rename": "both"}

_FILE: dict[str, Any] = {
    "description": (
        "The file. `X-Export-Losses` is the number of things the format can't include; "
        "`report=true` lists them."
    ),
    "headers": {
        "Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}},
        "X-Export-Losses": {"schema": {"type": "integer"}},
    },
    "content": {
        **{
            facts.media_type: {"schema": {"type": "string", "contentMediaType": facts.media_type}}
            for facts in FORMATS.values()
        },
        **{kind: {"schema": {}} for kind in ("application/json", "application/yaml")},  # clients parse them
    },
}
_FILE_BODY = {
    "requestBody": {
        "required": True,
        "description": "A persona, character card, bundle, prompt, or a file from another program.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"}
                    },
                    "required": ["file"],
                }
            },
            "application/octet-stream": {
                "schema": {"type": "string", "contentMediaType": "application/octet-stream"}
            },
            "application/json": {"schema": {}},
        },
    }
}


class ExportReport(ResponseModel):
    """What an export would contain, and what its format can't include."""

    format: Format
    filename: str
    losses: list[str]


class ImportItem(ResponseModel):
    """One persona in the file. `result` is null in a dry run. `differences` lead from your version to theirs.

    `looksLike` says what it came as, such as "a LobeChat agent". `file` is its name in an archive.
    `collidesWith` is the name and id of the existing persona that differs.
    """

    id: str
    name: str
    action: ImportAction
    looks_like: str = ""
    file: str = ""
    collides_with: str | None = None
    warnings: list[str]
    differences: list[Changed]
    result: Result | None = None
    saved_id: str | None = None
    error: str | None = None


class SkippedFile(ResponseModel):
    """A file that brings no persona. `broken`: it was meant to be one."""

    file: str
    reason: str
    broken: bool


class TableColumns(ResponseModel):
    """For a table: its columns, and the column used for each role."""

    names: list[str]
    chosen: dict[str, str]


class ImportReport(ResponseModel):
    """In the order of the file."""

    dry_run: bool
    items: list[ImportItem]
    skipped: list[SkippedFile]
    columns: TableColumns | None = None


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
        Query(description="Their ids, separated by commas. If left out, all."),
    ] = None,
) -> Response:
    """A ZIP archive with a manifest, which can be imported again."""
    persona_ids = None if ids is None else [part.strip() for part in ids.split(",") if part.strip()]
    if persona_ids is not None and not persona_ids:
        raise Refused(
            422, "request_invalid", "ids contains no persona id.", hint=("Leave it out to export all.")
        )
    return _download(workspace_of(request).collection.bundle(persona_ids))


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
    dry_run: Annotated[bool, Query(alias="dryRun", description="Only report what would happen.")] = False,
    on_conflict: Annotated[
        OnConflict,
        Query(
            alias="onConflict",
            description="If a persona exists and differs: import nothing, replace it, or keep both.",
        ),
    ] = "refuse",
    filename: Annotated[
        Text, Query(max_length=255, description="A file name for the revisions' notes.")
    ] = "",
    all_or_nothing: Annotated[
        bool,
        Query(alias="allOrNothing", description="Import nothing if one of several files is broken."),
    ] = False,
    columns: Annotated[
        Text,
        Query(
            max_length=1_000,
            description="For a table: which column is used for what, as in `name=act,prompt=prompt`.",
        ),
    ] = "",
) -> Any:
    """Takes exports, character cards, prompts and files from other programs, as a body or a form.

    A file with an error is refused completely. Several files, and the files in an archive, are imported
    independently unless `allOrNothing` is true. If somebody else changes a persona at the same moment,
    only that item fails, and says so.
    """
    column_of_role = _columns(columns)
    async with uploads(request, name=filename) as files:
        collection = workspace_of(request).collection
        plans, skipped = await run_in_threadpool(_planned, collection, files, column_of_role)

        def run() -> Any:
            return _imported(
                collection, plans, skipped, dry_run=dry_run, on_conflict=on_conflict, whole=all_or_nothing
            )

        return await run_in_threadpool(run)


def _columns(text: str) -> dict[str, str] | None:
    """Columns of a table by role, from a text such as "name=act,prompt=prompt"."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    columns = {role.strip(): column.strip() for role, _, column in pairs}
    unknown = [role for role, column in columns.items() if role not in ROLES or not column]
    if unknown or (columns and "prompt" not in columns):
        raise Refused(
            422,
            "request_invalid",
            "columns names no prompt, or uses an unknown role.",
            hint=f"Write columns=prompt=…,name=…; the roles are: {', '.join(ROLES)}.",
        )
    return columns or None


def _planned(
    collection: PersonaLibrary, files: Sequence[Upload], columns: Mapping[str, str] | None
) -> tuple[list[ImportPlan], list[Skipped]]:
    """What each file would import. If one of several is refused, it is skipped with the reason."""
    plans: list[ImportPlan] = []
    skipped: list[Skipped] = []
    for file in files:
        try:
            with file.content() as content:
                plan = collection.plan_import(content, filename=file.name, columns=columns)
        except (ImportRefused, PersonaInvalid) as error:
            if len(files) == 1:
                raise
            skipped.append(Skipped(excerpt(file.name), str(error), not isinstance(error, NoPersona)))
            continue
        plans.append(plan)
        skipped += plan.skipped
    return plans, skipped


def _imported(
    collection: PersonaLibrary,
    plans: Sequence[ImportPlan],
    skipped: Sequence[Skipped],
    *,
    dry_run: bool,
    on_conflict: OnConflict,
    whole: bool,
) -> Any:
    items = [_item(planned) for plan in plans for planned in plan.items]
    left_out = [SkippedFile(file=each.name, reason=each.reason, broken=each.is_broken) for each in skipped]
    columns = next((plan.columns for plan in plans if plan.columns), None)
    table = TableColumns(names=list(columns.names), chosen=dict(columns.chosen)) if columns else None
    if dry_run:
        return ImportReport(dry_run=True, items=items, skipped=left_out, columns=table)
    extra = {
        "items": [item.model_dump(mode="json", by_alias=True) for item in items],
        "skipped": [each.model_dump(mode="json", by_alias=True) for each in left_out],
    }
    if whole and (broken := [each for each in skipped if each.is_broken]):
        return problem(
            422,
            "import_refused",
            f"{len(broken)} of the files can't be read. Nothing was imported.",
            hint="Leave allOrNothing out to import the others.",
            extra=extra,
        )
    conflicts = [planned for plan in plans for planned in plan.conflicts]
    if on_conflict == "refuse" and conflicts:
        return problem(
            409,
            "import_conflict",
            (
                f"{len(conflicts)} of {len(items)} already exist and differ. Nothing was imported. The "
                f"first: {conflicts[0].collides_with}."
            ),
            hint="Choose onConflict=replace or onConflict=rename.",
            extra=extra,
        )
    outcomes: list[Outcome] = []
    for plan in plans:
        choices = {planned.id: CHOICES[on_conflict] for planned in plan.conflicts}
        outcomes += collection.carry_out(plan, choices)
    done = [_done(*pair) for pair in zip(items, outcomes, strict=True)]
    return ImportReport(dry_run=False, items=done, skipped=left_out, columns=table)


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
    report: Annotated[
        bool, Query(description=("Report what the format can't include, instead of exporting."))
    ] = False,
) -> Response:
    """As PersonaChat JSON, as a character card, or for another program."""
    file = workspace_of(request).collection.export(persona_id, kind)
    if report:
        export_report = ExportReport(format=kind, filename=file.filename, losses=list(file.losses))
        return Response(export_report.model_dump_json(by_alias=True), media_type="application/json")
    return _download(file)


def _download(file: ExportedFile) -> Response:
    headers = {
        "Content-Disposition": disposition(file.filename),
        "X-Export-Losses": str(len(file.losses)),
        "Content-Length": str(file.size),
    }
    return StreamingResponse(file.parts(), headers=headers, media_type=file.media_type)


def _item(planned: PlannedImport) -> ImportItem:
    return ImportItem(
        id=planned.id,
        name=planned.name,
        action=planned.action,
        looks_like=planned.arrival.looks_like,
        file=planned.arrival.file,
        collides_with=planned.collides_with or None,
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
