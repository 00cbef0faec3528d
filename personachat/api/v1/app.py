"""The personas as models: OpenAI's endpoints as one FastAPI app, mounted under /v1.

A request's body never chooses the address or the key. Every answer has a request id, and every error is in
OpenAI's envelope.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.middleware import Middleware

from personachat import __version__
from personachat.api.auth import Gate
from personachat.api.methods import literal_paths_first
from personachat.api.openapi import operation_id
from personachat.api.v1 import completions, models, responses
from personachat.api.v1.errors import add_handlers, failure_of
from personachat.services import Services, get_services


def create_v1(services: Callable[[], Services] = get_services) -> FastAPI:
    """Build the app. Its access rules are those of the REST API."""
    gate = Middleware(
        Gate,
        settings=lambda: services().settings,
        tokens=lambda: services().admitted_tokens,
        refuse=failure_of,
        admit=lambda identity: services().admit(identity),
        most_bytes=lambda _, settings: settings.v1_body_mb * 1024 * 1024,
    )
    v1 = FastAPI(
        title="PersonaChat, OpenAI-compatible",
        version=__version__,
        description="Use personas as models.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        middleware=[gate],
    )
    v1.state.services = services
    add_handlers(v1)
    for part in (models, completions, responses):
        v1.include_router(part.router)
    literal_paths_first(v1)
    return v1
