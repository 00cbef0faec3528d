"""The REST API as one FastAPI app, mounted under /api beside the pages.

The only state it has is which messages wait. For everything else it calls the services, which it looks up for
every request, so that pages and API always use the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from personachat import __version__
from personachat.api import (
    audit,
    budgets,
    chat,
    comparison,
    comparisons,
    conversation,
    conversations,
    experiments,
    health,
    messages,
    question_set,
    question_sets,
    replies,
    results_links,
    tests,
    tokens,
    usage,
)
from personachat.api.auth import Gate
from personachat.api.errors import add_handlers
from personachat.api.methods import HeadAsGet, literal_paths_first
from personachat.api.metrics import PATHS
from personachat.api.openapi import add_description, operation_id
from personachat.api.parameters import known_parameters
from personachat.api.personas import (
    access,
    checks,
    files,
    links,
    lore,
    names,
    personas,
    pictures,
    templates,
    versions,
)
from personachat.api.queues import MessageQueues
from personachat.services import Services, get_services

_DOCS = Path(__file__).with_name("docs.html")
_DOCS_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class ApiFirst:
    """Sends /api, /v1, /mcp and /metrics straight to their apps.

    They don't get the pages' middleware, which adds cookies and gzip. A client that disconnects before its
    request has arrived is not logged as an error.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        api: ASGIApp,
        v1: ASGIApp,
        mcp: ASGIApp | None = None,
        metrics: ASGIApp | None = None,
    ) -> None:
        self._pages = app
        self._api = HeadAsGet(api)
        self._v1 = HeadAsGet(v1)
        self._mcp = HeadAsGet(mcp) if mcp else None
        self._metrics = HeadAsGet(metrics) if metrics else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ClientDisconnect):
            await self._route(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/v1/"):
            await self._v1({**scope, "root_path": "/v1"}, receive, send)
        elif self._mcp and scope["type"] == "http" and (path == "/mcp" or path.startswith("/mcp/")):
            await self._mcp({**scope, "root_path": "/mcp"}, receive, send)
        elif self._metrics and scope["type"] == "http" and path in PATHS:
            await self._metrics(scope, receive, send)
        elif scope["type"] == "http" and path.startswith("/.well-known/"):
            # The pages answer every path, but a client that asks how to log in must learn that it can't.
            await PlainTextResponse("There is nothing at this address.", 404)(scope, receive, send)
        elif scope["type"] != "http" or not (path == "/api" or path.startswith("/api/")):
            await self._pages(scope, receive, send)
        elif path == "/api" and scope["method"] in {"GET", "HEAD"}:
            await RedirectResponse("/api/docs")(scope, receive, send)
        else:
            path = "/api/" if path == "/api" else path
            await self._api({**scope, "path": path, "root_path": "/api"}, receive, send)


def create_api(services: Callable[[], Services] = get_services, *, base_path: str = "") -> FastAPI:
    """Build the app. `base_path` is the path that its description gives for it."""
    api = FastAPI(
        title="PersonaChat",
        version=__version__,
        description="Write personas and talk to them.",
        docs_url=None,  # FastAPI's own page loads its script from the internet; this one works offline
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,  # it knows only /api, not the base path of the whole server
        generate_unique_id_function=operation_id,
        middleware=[
            Middleware(
                Gate,
                settings=lambda: services().settings,
                admit=lambda identity: services().admit(identity),
                tokens=lambda: services().admitted_tokens,
            )
        ],
    )
    api.state.services = services
    api.state.base_path = base_path
    api.state.queues = MessageQueues()
    api.state.probes = health.Probes()
    add_handlers(api)
    add_description(api)
    parts = (
        *(chat, replies, conversations, conversation, messages),
        *(
            files,
            lore,
            links,
            pictures,
            checks,
            versions,
            names,
            access,
            personas,
            templates,
            comparisons,
            comparison,
            question_sets,
            question_set,
            tests,
            results_links,
            experiments,
            usage,
            budgets,
            audit,
            tokens,
            health,
        ),
    )
    for part in parts:
        api.include_router(part.router, dependencies=[Depends(known_parameters)])

    @api.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS.read_text("utf-8"), headers={"Content-Security-Policy": _DOCS_POLICY})

    @api.get("/", include_in_schema=False)
    def index() -> RedirectResponse:
        return RedirectResponse("docs")

    literal_paths_first(api)
    return api
