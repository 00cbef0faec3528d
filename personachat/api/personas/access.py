"""Who may do what with a persona, over HTTP: for its owner and admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from personachat.accounts.rights import MOST_GRANTS, Grant, PersonaAccess, Right, Visibility
from personachat.api.openapi import answers
from personachat.api.schemas import PersonaId, RequestModel, ResponseModel, Text, workspace_of

router = APIRouter(prefix="/personas/{id}/access", tags=["personas"])

_Who = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=330,
        description="An address, a domain such as @example.com, a group such as group:editors, or * for all.",
    ),
]


class GivenRight(RequestModel):
    """Whether somebody may do something. If two rules apply to the same person, the denial wins."""

    who: _Who
    right: Right
    allowed: bool = True


class NewAccess(RequestModel):
    """Replaces all rules. Missing fields get their default; without `owner`, the owner stays."""

    visibility: Visibility
    prompt_visible: bool = True
    grants: Annotated[list[GivenRight], Field(default_factory=list, max_length=MOST_GRANTS)]
    owner: Annotated[Text, Field(max_length=64)] | None = None


class RightAnswer(ResponseModel):
    """Whether somebody may do something."""

    who: str
    right: Right
    allowed: bool


class AccessAnswer(ResponseModel):
    """`owner` is a person's key; empty if nobody owns the persona."""

    owner: str
    visibility: Visibility
    prompt_visible: bool
    grants: list[RightAnswer]


@router.get(
    "",
    summary="Show who may do what with a persona",
    response_model=AccessAnswer,
    responses=answers(403, 404, 422, 503),
)
def get_access(persona_id: PersonaId, request: Request) -> AccessAnswer:
    """Only the owner and admins can see it."""
    return _answer(workspace_of(request).collection.access(persona_id))


@router.put(
    "",
    summary="Set who may do what with a persona",
    response_model=AccessAnswer,
    responses=answers(403, 404, 422, 503),
)
def put_access(persona_id: PersonaId, body: NewAccess, request: Request) -> AccessAnswer:
    """Other people's short links stop working if not everyone can see the persona and its prompt any more."""
    collection = workspace_of(request).collection
    before = collection.access(persona_id)
    grants = tuple(Grant(each.who, each.right, each.allowed) for each in body.grants)
    owner = before.owner if body.owner is None else body.owner
    access = PersonaAccess(owner, body.visibility, body.prompt_visible, grants)
    collection.set_access(persona_id, access)
    return _answer(access)


def _answer(access: PersonaAccess) -> AccessAnswer:
    return AccessAnswer(
        owner=access.owner,
        visibility=access.visibility,
        prompt_visible=access.prompt_visible,
        grants=[RightAnswer(who=each.who, right=each.right, allowed=each.allowed) for each in access.grants],
    )
