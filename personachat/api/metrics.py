"""GET /metrics for Prometheus, as an ASGI app of its own.

It exists only if PERSONACHAT_METRICS_TOKEN is set, and accepts only that token. The token is compared in
constant time, and wrong ones are slowed down like the API's.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from personachat.api.auth import given_token
from personachat.api.wrong_tokens import WrongTokens
from personachat.services import Services, get_services

PATHS = frozenset({"/metrics", "/metrics/"})

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Metrics:
    """The app."""

    def __init__(
        self, services: Callable[[], Services] = get_services, *, wrong_tokens: WrongTokens | None = None
    ) -> None:
        self._services = services
        self._wrong_tokens = wrong_tokens or WrongTokens()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        services = self._services()
        figures, token = services.figures, services.settings.metrics_token
        if figures is None or token is None:
            return PlainTextResponse("There is nothing at this address.", 404)
        secret = given_token(request.headers)
        if not secrets.compare_digest(secret.encode("utf-8", "replace"), token.get_secret_value().encode()):
            return await self._refusal(secret, request)
        if request.method != "GET":
            return PlainTextResponse("Only GET is allowed here.", 405, {"Allow": "GET, HEAD", **_HEADERS})
        body, media_type = await run_in_threadpool(figures.exposition, request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": media_type, **_HEADERS})

    async def _refusal(self, secret: str, request: Request) -> Response:
        client = request.client.host if request.client else None
        if secret and not await self._wrong_tokens.came_from(client):
            return PlainTextResponse("Too many wrong tokens.", 429, {"Retry-After": "60", **_HEADERS})
        headers = {"WWW-Authenticate": 'Bearer realm="PersonaChat metrics"', **_HEADERS}
        return PlainTextResponse("Send the token in PERSONACHAT_METRICS_TOKEN.", 401, headers)
