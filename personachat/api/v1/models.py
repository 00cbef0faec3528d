"""GET /v1/models: the personas, as OpenAI lists its models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from personachat.api.schemas import workspace_of
from personachat.errors import PersonaChatError
from personachat.personas.store.addressed import MARK
from personachat.personas.store.base import StoredPersona
from personachat.services.workspace import Workspace

router = APIRouter(prefix="/models", tags=["v1"])

OWNER = "personachat"


@router.get("", summary="List the personas as models", response_class=Response)
def list_models(request: Request) -> Response:
    """All personas that can be read, the default one first. Each label is a model of its own."""
    workspace = workspace_of(request)
    created = _created(workspace)
    labels = _labels(workspace)
    personas = [persona for persona in workspace.personas.all() if isinstance(persona, StoredPersona)]
    data = [
        _model(persona, created, label=label)
        for persona in personas
        for label in ("", *labels.get(persona.id, ()))
    ]
    return _json({"object": "list", "data": data})


@router.get("/{model}", summary="One persona as a model", response_class=Response)
def get_model(
    model: Annotated[str, Path(description="A persona's id, or id@label.")], request: Request
) -> Response:
    """Raises model_not_found if there is no such persona."""
    workspace = workspace_of(request)
    persona = workspace.addressed.get(model)
    return _json(_model(persona, _created(workspace), label=persona.label))


def _created(workspace: Workspace) -> Mapping[str, datetime]:
    """When each persona was last saved, if known."""
    with suppress(PersonaChatError):
        return workspace.revisions.newest()
    return {}


def _labels(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    with suppress(PersonaChatError):
        return workspace.labels.all()
    return {}


def _model(entry: StoredPersona, created: Mapping[str, datetime], *, label: str = "") -> dict[str, Any]:
    saved = created.get(entry.id)
    return {
        "id": f"{entry.id}{MARK}{label}" if label else entry.id,
        "object": "model",
        "created": int(saved.timestamp()) if saved else 0,
        "owned_by": OWNER,
        "name": entry.persona.name,
        "description": entry.persona.description,
    }


def _json(value: Any) -> Response:
    return Response(json.dumps(value), media_type="application/json")
