"""Whether the server is alive, and for those who may know, what it would answer with. Never a secret."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from personachat import __version__
from personachat.api.auth import authorized
from personachat.api.bodies import Answer
from personachat.api.openapi import answers
from personachat.checkpoints import Checkpoints
from personachat.errors import PersonaChatError
from personachat.persona import DEFAULT_PERSONA_ID, Persona
from personachat.provider_errors import ProviderError
from personachat.services import Services
from personachat.store.base import BrokenPersona, PersonaStore

router = APIRouter(tags=["server"])


class BrokenFile(Answer):
    """A file among the personas that is none, and the first reason."""

    filename: str
    line: int
    problem: str


class Health(Answer):
    """`status` alone where no token was given.

    "degraded" where no reply is possible or a store is out; "draining" where the server finishes the replies
    that are coming, takes no new ones, and ends.
    """

    status: Literal["ok", "degraded", "draining"] = "ok"
    version: str | None = None
    provider: str | None = None
    model: str | None = None
    reason: str | None = None
    personas: int | None = None
    broken_personas: list[BrokenFile] | None = None
    replies_running: int | None = None
    replies_at_most: int | None = None
    tokens_configured: bool | None = None
    database: Literal["sqlite", "postgresql"] | None = None
    saving_fails: Annotated[
        str | None, Field(description="The code of what keeps the words of replies from being saved.")
    ] = None


@router.get(
    "/health",
    summary="Whether the server is alive",
    response_model=Health,
    response_model_exclude_none=True,
    responses=answers(),
)
async def get_health(request: Request) -> Health:
    """Answers at once and always with 200; what is configured is told only to those who may use the API."""
    if not authorized(request):
        return Health(**_draining(request.app.state.services()))
    return await run_in_threadpool(lambda: _configured(request.app.state.services()))


def _configured(services: Services) -> Health:
    return Health(
        version=__version__,
        replies_running=services.generations.running,
        replies_at_most=services.generations.max_concurrent,
        tokens_configured=bool(services.settings.accepted_tokens),
        database="sqlite" if services.database.is_sqlite else "postgresql",
    ).model_copy(
        update=_answering(services)
        | _personas(services.personas)
        | _saving(services.checkpoints)
        | _draining(services)
    )


def _draining(services: Services) -> dict[str, Any]:
    return {"status": "draining"} if services.generations.draining else {}


def _personas(store: PersonaStore) -> dict[str, Any]:
    try:
        found = store.all()
    except PersonaChatError as error:
        return {"status": "degraded", "reason": str(error)}
    broken = [
        BrokenFile(filename=file.filename, line=file.problems[0].line, problem=file.problems[0].message)
        for file in found
        if isinstance(file, BrokenPersona)
    ]
    return {"personas": len(found) - len(broken), "broken_personas": broken}


def _saving(checkpoints: Checkpoints) -> dict[str, Any]:
    trouble = checkpoints.trouble
    if trouble is None:
        return {}
    return {"status": "degraded", "reason": str(trouble), "saving_fails": trouble.code}


def _answering(services: Services) -> dict[str, Any]:
    """Which model the default persona would get."""
    try:
        model = services.personas.get(DEFAULT_PERSONA_ID).persona.model
    except PersonaChatError:
        model = str(Persona.model_fields["model"].default)
    try:
        answering = services.providers.resolve(model)
    except ProviderError as error:
        return {"status": "degraded", "reason": str(error)}
    return {"provider": answering.provider.name, "model": answering.model, "reason": answering.reason}
