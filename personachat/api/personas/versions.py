"""The versions of a persona over HTTP: who saved what when, what changed, and how to restore it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.etags import IfMatch, condition_of
from personachat.api.openapi import SAVED, answers
from personachat.api.personas.answers import conflict, saved_answer
from personachat.api.personas.personas import guard
from personachat.api.schemas import PersonaId, RequestModel, ResponseModel, workspace_of
from personachat.errors import PersonaBroken, PersonaChanged, PersonaInvalid, PersonaNotFound
from personachat.jsontext.faults import excerpt
from personachat.personas.diff import as_json
from personachat.personas.persona import dump_persona, parse_persona
from personachat.personas.store.base import Action, Revision
from personachat.personas.store.labels import Label

every = APIRouter(prefix="/personas", tags=["personas"])
one = APIRouter(prefix="/personas/{id}", tags=["personas"])

Number = Annotated[int, Path(alias="number", ge=1, le=2**31 - 1, description="A revision's number.")]


class RevisionHead(ResponseModel):
    """One saved version. `action` "found" is an edit made outside PersonaChat."""

    persona_id: str
    number: int
    etag: str
    name: str
    action: Action
    author: str
    note: str
    saved_at: datetime
    labels: list[str]


class RevisionPage(ResponseModel):
    """Newest first. `nextBefore` gets older ones and is null if there are none."""

    revisions: list[RevisionHead]
    next_before: int | None


class WholeRevision(RevisionHead):
    """With its text. `persona` is null if the text doesn't follow the current schema."""

    text: str
    persona: dict[str, Any] | None


class DeletedPersonas(ResponseModel):
    """The last revision of each persona, most recently deleted first."""

    deleted: list[RevisionHead]


class Changed(ResponseModel):
    """One value that differs. `words` shows how a long text changed word by word, and is otherwise empty."""

    path: list[str | int]
    label: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None
    words: Annotated[list[dict[str, str]], Field(default_factory=list)]


class Diff(ResponseModel):
    """From one revision to another. `to` is null for the current version."""

    since: Annotated[int, Field(alias="from")]
    until: Annotated[int | None, Field(alias="to")]
    differences: list[Changed]


class Restoring(RequestModel):
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


@every.get(
    "/deleted",
    summary="List deleted personas",
    response_model=DeletedPersonas,
    responses=answers(422, 503),
)
def list_deleted_personas(
    request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> DeletedPersonas:
    """Restore them with the number of their last revision or an earlier one."""
    collection = workspace_of(request).collection
    collection.all()  # so that personas deleted by hand are included
    revisions = collection.revisions.deleted(limit=limit)
    return DeletedPersonas(deleted=[_head(revision) for revision in revisions])


@one.get(
    "/revisions",
    summary="List the revisions of a persona",
    response_model=RevisionPage,
    responses=answers(404, 422, 503),
)
def list_revisions(
    persona_id: PersonaId,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        int | SkipJsonSchema[None], Query(ge=1, le=2**31 - 1, description="A page's nextBefore.")
    ] = None,
) -> RevisionPage:
    """Newest first, also for deleted personas."""
    collection = workspace_of(request).collection
    revisions = collection.history(persona_id, limit=limit + 1, before=before)
    if not revisions and before is None:
        collection.get(persona_id)  # which says that there is none
    page, labels = revisions[:limit], collection.labels.of(persona_id)
    return RevisionPage(
        revisions=[_head(revision, labels) for revision in page],
        next_before=page[-1].number if len(revisions) > limit else None,
    )


@one.get(
    "/revisions/{number}",
    summary="Read a revision",
    response_model=WholeRevision,
    responses=answers(404, 422, 503),
)
def get_revision(persona_id: PersonaId, number: Number, request: Request) -> WholeRevision:
    """With its text as saved."""
    collection = workspace_of(request).collection
    revision = collection.revision(persona_id, number)
    try:
        persona = json.loads(dump_persona(parse_persona(revision.text)))
    except PersonaInvalid:
        persona = None
    return WholeRevision(
        **dict(_head(revision, collection.labels.of(persona_id))), text=revision.text, persona=persona
    )


@one.get(
    "/diff",
    summary="What changed between two revisions",
    response_model=Diff,
    responses=answers(404, 409, 422, 503),
)
def get_diff(
    persona_id: PersonaId,
    request: Request,
    since: Annotated[int, Query(alias="from", ge=1, le=2**31 - 1)],
    until: Annotated[
        int | SkipJsonSchema[None],
        Query(alias="to", ge=1, le=2**31 - 1, description="If left out, the current version."),
    ] = None,
) -> Diff:
    """Key by key, and long texts word by word."""
    differences = workspace_of(request).collection.differences(persona_id, since=since, until=until)
    return Diff.model_validate({"from": since, "to": until, "differences": as_json(differences)})


@one.post(
    "/restore",
    summary="Restore a revision",
    response_class=Response,
    responses=answers(400, 404, 409, 412, 422, 503, **SAVED),
)
async def restore_persona(
    persona_id: PersonaId, body: Restoring, request: Request, if_match: IfMatch = None
) -> Response:
    """It becomes the newest revision. A deleted persona comes back. `If-Match` replaces only that version."""
    condition = condition_of(if_match, None)

    def restore() -> Response:
        collection = workspace_of(request).collection
        try:
            collection.get(persona_id)
        except PersonaNotFound:
            if condition.etags or condition.existing:
                sentence = f'The persona "{excerpt(persona_id)}" was deleted in the meantime.'
                return conflict(PersonaChanged(sentence, etag=None, text=None))
            return saved_answer(collection.restore(persona_id, body.revision), 201)
        except PersonaBroken:
            pass  # an earlier version fixes it
        etag = guard(collection, persona_id, condition) if condition.etags else None
        try:
            return saved_answer(collection.restore(persona_id, body.revision, etag=etag), 200)
        except PersonaChanged as changed:
            return conflict(changed)

    return await run_in_threadpool(restore)


def _head(revision: Revision, labels: Sequence[Label] = ()) -> RevisionHead:
    return RevisionHead(
        persona_id=revision.persona_id,
        number=revision.number,
        etag=revision.etag,
        name=revision.name,
        action=revision.action,
        author=revision.author,
        note=revision.note,
        saved_at=revision.saved_at,
        labels=[each.label for each in labels if each.number == revision.number],
    )


router = APIRouter()
for _part in (every, one):
    router.include_router(_part)
