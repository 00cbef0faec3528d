"""Links that share a persona. They show it; nothing is saved until the recipient accepts it."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from personachat.api.openapi import PERSONA, answers, json_answer
from personachat.api.schemas import PersonaId, ResponseModel, Text, services_of, workspace_of
from personachat.personas.persona import dump_persona

every = APIRouter(prefix="/personas", tags=["personas"])
one = APIRouter(prefix="/personas/{id}", tags=["personas"])


class PersonaLink(ResponseModel):
    """`path` on this server. A short link shows the persona as it was when the link was created."""

    path: str
    kind: Literal["link", "short"]


@every.get(
    "/shared/{token}",
    summary="Read the persona of a short link",
    response_class=Response,
    responses=answers(404, 422, 503, s200=json_answer("The persona.", PERSONA)),
)
def get_shared_persona(
    token: Annotated[Text, Path(description="The token of a short link.")], request: Request
) -> Response:
    """As it was when the link was created or updated."""
    plan = workspace_of(request).collection.plan_share(token)
    return Response(dump_persona(plan.items[0].arrival.persona), media_type="application/json")


@one.post(
    "/share",
    summary="Share a persona",
    response_model=PersonaLink,
    responses=answers(404, 409, 422, 503),
)
def share_persona(
    persona_id: PersonaId,
    request: Request,
    *,
    short: Annotated[bool, Query(description="Always create a short link, which can be revoked.")] = False,
) -> PersonaLink:
    """The link contains the persona itself if that fits. Otherwise it is a short link, created or updated."""
    collection = workspace_of(request).collection
    link = None if short else collection.link(persona_id)
    if link and link.persona:
        return _path(request, "link", persona=link.persona)
    return _path(request, "short", token=collection.share(persona_id).token)


@one.delete(
    "/share",
    summary="Revoke a short link",
    status_code=204,
    response_class=Response,
    responses=answers(422, 503),
)
def revoke_persona_share(persona_id: PersonaId, request: Request) -> Response:
    """It stops working. A link that contains the persona itself can't be revoked."""
    workspace_of(request).collection.revoke(persona_id)
    return Response(status_code=204)


def _path(request: Request, kind: Literal["link", "short"], **query: str) -> PersonaLink:
    base_path = services_of(request).settings.base_path
    return PersonaLink(path=f"{base_path}/received?{urlencode(query)}", kind=kind)


router = APIRouter()
for _part in (every, one):
    router.include_router(_part)
