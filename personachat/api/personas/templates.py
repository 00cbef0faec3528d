"""Templates over HTTP: starting points for personas, shipped ones and people's own."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from personachat.api.openapi import answers
from personachat.api.schemas import RequestModel, ResponseModel, Text, services_of, workspace_of
from personachat.personas import limits
from personachat.personas.persona import dump_persona
from personachat.personas.templates.gallery import Template, matching_templates

every = APIRouter(prefix="/templates", tags=["templates"])
one = APIRouter(prefix="/templates/{id}", tags=["templates"])

TemplateId = Annotated[Text, Path(alias="id", description="A template's id.")]


class TemplateHead(ResponseModel):
    """`own` templates were saved by people here. The others came with the product."""

    id: str
    name: str
    group: str
    purpose: str
    own: bool


class WholeTemplate(TemplateHead):
    """`tests` is the text of a test suite; name your persona in it and save it with the persona."""

    persona: dict[str, Any]
    tests: str | None


class TemplateList(ResponseModel):
    templates: list[TemplateHead]


class NewTemplate(RequestModel):
    """The persona to use as a template, as it is stored now."""

    persona_id: Annotated[Text, Field(min_length=1, max_length=limits.ID)]


@every.get("", summary="List templates", response_model=TemplateList, responses=answers(422, 503))
def list_templates(
    request: Request,
    q: Annotated[Text, Query(max_length=1000, description="Words that the template must contain.")] = "",
) -> TemplateList:
    """All templates, grouped."""
    templates = matching_templates(services_of(request).gallery.all(), q)
    return TemplateList(templates=[TemplateHead(**_head(template)) for template in templates])


@one.get(
    "",
    summary="Read a template",
    response_model=WholeTemplate,
    responses=answers(404, 422, 503),
)
def get_template(template_id: TemplateId, request: Request) -> WholeTemplate:
    """With its persona. Give it an id and save it."""
    return _whole(services_of(request).gallery.get(template_id))


@every.post(
    "",
    summary="Save a persona as a template",
    status_code=201,
    response_model=WholeTemplate,
    responses=answers(400, 404, 409, 422, 503),
)
def save_template(body: NewTemplate, request: Request) -> WholeTemplate:
    """It replaces your own template with the same id."""
    workspace = workspace_of(request)
    persona = workspace.collection.get(body.persona_id).persona
    return _whole(workspace.gallery.save(persona, author=workspace.author))


@one.delete(
    "",
    summary="Delete your own template",
    status_code=204,
    response_class=Response,
    responses=answers(404, 422, 503),
)
def delete_template(template_id: TemplateId, request: Request) -> Response:
    """Shipped templates can't be deleted."""
    workspace_of(request).gallery.delete(template_id)
    return Response(status_code=204)


def _head(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "name": template.persona.name,
        "group": template.group,
        "purpose": template.purpose,
        "own": template.own,
    }


def _whole(template: Template) -> WholeTemplate:
    persona = json.loads(dump_persona(template.persona))
    return WholeTemplate(**_head(template), persona=persona, tests=template.tests or None)


router = APIRouter()
for _part in (every, one):
    router.include_router(_part)
