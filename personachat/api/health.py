"""Whether the server is alive, whether it is ready, and for callers with access, which model would answer.

No answer contains a secret. "Alive" is for whatever restarts the process, "ready" for whatever sends it
requests. It waits for neither the database nor the personas for long: what doesn't answer in time is reported
instead.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from personachat import __version__
from personachat.accounts.person import Role
from personachat.api.auth import authorized, person_of
from personachat.api.errors import problem
from personachat.api.openapi import answers
from personachat.api.probes import Probe
from personachat.api.schemas import ResponseModel
from personachat.chat.checkpoints import Checkpoints
from personachat.errors import NoModelAvailable, PersonaChatError, ProviderError
from personachat.personas.persona import DEFAULT_PERSONA_ID, Persona
from personachat.personas.store.base import BrokenPersona, PersonaStore
from personachat.services import Services

router = APIRouter(tags=["server"])

WITHIN_SECONDS = 1.5
"""Seconds that a part of the server may take to report its state."""


class BrokenFile(ResponseModel):
    """A file in the personas folder that can't be used, and its first error."""

    filename: str
    line: int
    problem: str


class Health(ResponseModel):
    """Without a token, only `status`.

    "degraded": no reply is possible or a store can't be reached. "draining": the server finishes the current
    replies, accepts no new ones, and then stops.
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
    database: Literal["sqlite", "postgresql", "unavailable"] | None = None
    saving_fails: Annotated[str | None, Field(description="The error code if replies can't be saved.")] = None


@router.get(
    "/health",
    summary="Whether the server is alive",
    response_model=Health,
    response_model_exclude_none=True,
    responses=answers(403),
)
async def get_health(request: Request) -> Health:
    """Answers within two seconds, always with 200. Callers with access also see the configuration."""
    if not authorized(request):
        return Health(**_draining(request.app.state.services()))
    services: Services = request.app.state.services()
    probes: Probes = request.app.state.probes
    database, answering = await asyncio.gather(
        probes.database.look(lambda: _database_state(services), within_seconds=WITHIN_SECONDS),
        probes.personas.look(lambda: _answering(services), within_seconds=WITHIN_SECONDS),
    )
    health = _configured(services).model_copy(
        update=(_slow("Reading the personas took too long.") if answering is None else answering)
        | _saving(services.checkpoints)
        | (_slow("The database doesn't answer.", database="unavailable") if database is None else database)
        | _draining(services)
    )
    person = person_of(request)
    if person is not None and person.role is not Role.ADMIN:  # the broken file may be someone else's
        return health.model_copy(update={"personas": None, "broken_personas": None})
    return health


class Ready(ResponseModel):
    """The server can take requests."""

    status: Literal["ready"] = "ready"


@router.get(
    "/ready",
    summary="Whether the server is ready for requests",
    response_model=Ready,
    responses=answers(403, 503),
)
async def get_ready(request: Request) -> Ready | Response:
    """503 while the database can't be used, no model is available, or the server is shutting down.

    Answers within two seconds. Callers with access also see why.
    """
    services: Services = request.app.state.services()
    if services.runner.draining:
        return problem(503, "draining", "The server is shutting down.")
    probes: Probes = request.app.state.probes
    database = await probes.database.look(lambda: _database_state(services), within_seconds=WITHIN_SECONDS)
    if database is None or database:
        return _not_ready(request, "The database can't be used.", (database or {}).get("reason"))
    try:
        services.check_providers()
    except NoModelAvailable as error:
        return _not_ready(request, "No model is available.", error.hint)
    return Ready()


def _not_ready(request: Request, detail: str, reason: str | None) -> Response:
    extra = {"reason": reason} if reason and authorized(request) else None
    return problem(503, "not_ready", detail, extra=extra)


@dataclass(frozen=True, slots=True)
class Probes:
    """Checks that can take longer than a caller wants to wait."""

    database: Probe[dict[str, Any]] = field(default_factory=Probe)
    personas: Probe[dict[str, Any]] = field(default_factory=Probe)


def _slow(reason: str, **details: Any) -> dict[str, Any]:
    return {"status": "degraded", "reason": reason, **details}


def _configured(services: Services) -> Health:
    return Health(
        version=__version__,
        replies_running=services.runner.running,
        replies_at_most=services.runner.max_concurrent,
        tokens_configured=bool(services.settings.accepted_tokens),
        database="sqlite" if services.uses_sqlite else "postgresql",
    )


def _database_state(services: Services) -> dict[str, Any]:
    try:
        services.check_database()
    except PersonaChatError as error:
        return _slow(str(error), database="unavailable")
    return {}


def _draining(services: Services) -> dict[str, Any]:
    return {"status": "draining"} if services.runner.draining else {}


def _personas(store: PersonaStore) -> dict[str, Any]:
    try:
        personas = store.all()
    except PersonaChatError as error:
        return {"status": "degraded", "reason": str(error)}
    broken = [
        BrokenFile(filename=file.filename, line=file.problems[0].line, problem=file.problems[0].message)
        for file in personas
        if isinstance(file, BrokenPersona)
    ]
    return {"personas": len(personas) - len(broken), "broken_personas": broken}


def _saving(checkpoints: Checkpoints) -> dict[str, Any]:
    trouble = checkpoints.trouble
    if trouble is None:
        return {}
    return {"status": "degraded", "reason": str(trouble), "saving_fails": trouble.code}


def _answering(services: Services) -> dict[str, Any]:
    """How many personas there are, and which model the default one would get."""
    return _model(services) | _personas(services.personas)


def _model(services: Services) -> dict[str, Any]:
    try:
        model = services.personas.get(DEFAULT_PERSONA_ID).persona.model
    except PersonaChatError:
        model = str(Persona.model_fields["model"].default)
    try:
        answering = services.models.answering(model)
    except ProviderError as error:
        return {"status": "degraded", "reason": str(error)}
    return {"provider": answering.provider.name, "model": answering.model, "reason": answering.reason}
