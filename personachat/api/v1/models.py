"""GET /v1/models: the personas, as OpenAI lists its models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from personachat.api.bodies import services_of
from personachat.errors import PersonaChatError
from personachat.services import Services
from personachat.store.base import StoredPersona

router = APIRouter(prefix="/models", tags=["v1"])

OWNER = "personachat"


@router.get("", summary="List the personas as models", response_class=Response)
def list_models(request: Request) -> Response:
    """Those that can be read, the default one first."""
    services = services_of(request)
    created = _created(services)
    found = [stored for stored in services.personas.all() if isinstance(stored, StoredPersona)]
    return _json({"object": "list", "data": [_model(stored, created) for stored in found]})


@router.get("/{model}", summary="One persona as a model", response_class=Response)
def get_model(model: Annotated[str, Path(description="A persona's id.")], request: Request) -> Response:
    """Raises model_not_found where there is no such persona."""
    services = services_of(request)
    return _json(_model(services.personas.get(model), _created(services)))


def _created(services: Services) -> Mapping[str, datetime]:
    """When each was saved last, as far as that is known."""
    with suppress(PersonaChatError):
        return services.revisions.newest()
    return {}


def _model(stored: StoredPersona, created: Mapping[str, datetime]) -> dict[str, Any]:
    saved = created.get(stored.id)
    return {
        "id": stored.id,
        "object": "model",
        "created": int(saved.timestamp()) if saved else 0,
        "owned_by": OWNER,
        "name": stored.persona.name,
        "description": stored.persona.description,
    }


def _json(value: Any) -> Response:
    return Response(json.dumps(value), media_type="application/json")
