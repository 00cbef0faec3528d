"""Names of a persona over HTTP: another id, and labels on its revisions.

The old id of a renamed persona answers with 308 and the new address until another persona takes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from personachat.api.etags import IfMatch, condition_of
from personachat.api.openapi import ONE_PERSONA, answers
from personachat.api.personas.answers import conflict, saved_answer
from personachat.api.personas.personas import guard
from personachat.api.schemas import PersonaId, RequestModel, ResponseModel, Text, workspace_of
from personachat.authoring.library import PersonaLibrary
from personachat.errors import PersonaChanged

router = APIRouter(prefix="/personas/{id}", tags=["personas"])

LabelName = Annotated[Text, Path(alias="label", description=("Such as production. See the list of labels."))]


class NewId(RequestModel):
    """The new id of the persona."""

    id: Text


class Labelling(RequestModel):
    """The revision to label. If left out, the newest one."""

    revision: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None


class LabelAnswer(ResponseModel):
    """A label and the revision it points to."""

    label: str
    revision: int
    moved_by: str
    moved_at: datetime


class LabelMoved(ResponseModel):
    """A change to a label. `revision` is null if the label was removed."""

    label: str
    revision: int | None
    moved_by: str
    moved_at: datetime


class LabelList(ResponseModel):
    """The current labels, and their changes, newest first."""

    labels: list[LabelAnswer]
    moves: list[LabelMoved]


@router.post(
    "/rename",
    summary="Give a persona another id",
    response_class=Response,
    responses=answers(400, 403, 404, 409, 412, 422, 503, s200=ONE_PERSONA),
)
def post_rename(persona_id: PersonaId, body: NewId, request: Request, if_match: IfMatch = None) -> Response:
    """Its revisions, labels, links, drafts and chats move with it. `If-Match` renames only that version."""
    collection, condition = workspace_of(request).collection, condition_of(if_match, None)
    try:
        etag = guard(collection, persona_id, condition) if condition.etags else None
        answer = saved_answer(collection.rename(persona_id, body.id, etag=etag), 200)
    except PersonaChanged as changed:
        return conflict(changed)
    answer.headers["Location"] = f"/api/personas/{body.id}"
    return answer


@router.get(
    "/labels",
    summary="List the labels of a persona",
    response_model=LabelList,
    responses=answers(404, 422, 503),
)
def get_labels(persona_id: PersonaId, request: Request) -> LabelList:
    """`personaId: "tutor@production"` selects the revision with that label, wherever a persona is named."""
    return _list(workspace_of(request).collection, persona_id)


@router.put(
    "/labels/{label}",
    summary="Put a label on a revision",
    response_model=LabelList,
    responses=answers(403, 404, 422, 503),
)
def put_label(persona_id: PersonaId, label: LabelName, body: Labelling, request: Request) -> LabelList:
    """A label points to one revision of a persona. It moves from its previous revision."""
    collection = workspace_of(request).collection
    collection.label(persona_id, label, body.revision)
    return _list(collection, persona_id)


@router.delete(
    "/labels/{label}",
    summary="Remove a label",
    status_code=204,
    response_class=Response,
    responses=answers(403, 404, 422, 503),
)
def delete_label(persona_id: PersonaId, label: LabelName, request: Request) -> Response:
    """After that, requests with the label return 404."""
    workspace_of(request).collection.unlabel(persona_id, label)
    return Response(status_code=204)


def _list(collection: PersonaLibrary, persona_id: str) -> LabelList:
    labels = collection.labelled(persona_id)
    return LabelList(
        labels=[
            LabelAnswer(label=each.label, revision=each.number, moved_by=each.author, moved_at=each.moved_at)
            for each in labels
        ],
        moves=[
            LabelMoved(label=each.label, revision=each.number, moved_by=each.author, moved_at=each.moved_at)
            for each in collection.labels.moves(persona_id)
        ],
    )
