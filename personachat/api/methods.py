"""The methods of a path, according to the router, and HEAD wherever GET is answered.

A literal path belongs to its own routes only: `/personas/schema` never counts as a persona with that id,
whatever the method.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def methods_at(request: Request) -> list[str]:
    """All methods of a path. The route that refused a request only knows its own."""
    methods = [method for method in _METHODS if _is_taken(request, method)]
    return sorted([*methods, "HEAD"]) if "GET" in methods else methods


def _is_taken(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    routes: list[BaseRoute] = request.app.routes
    fitting = next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
    return fitting is not None and not isinstance(fitting, LiteralPaths)


def literal_paths_first(app: FastAPI) -> None:
    """Refuse methods that a literal path doesn't have. Call it once all routes are added."""
    methods_of_path: dict[str, set[str]] = defaultdict(set)
    for route in iter_route_contexts(app.routes):
        if route.path and "{" not in route.path:
            methods_of_path[route.path] |= route.methods or set()
    app.router.routes.insert(0, LiteralPaths(methods_of_path))


class LiteralPaths(BaseRoute):
    """Refuses wrong methods of literal paths before a route with a parameter matches."""

    def __init__(self, methods_of_path: Mapping[str, set[str]]) -> None:
        self._methods_of_path = methods_of_path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        methods = self._methods_of_path.get(scope["path"].removeprefix(scope.get("root_path", "")))
        is_wrong = scope["type"] == "http" and methods is not None and scope["method"] not in methods
        return (Match.FULL if is_wrong else Match.NONE), {}

    async def handle(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(405)


class HeadAsGet:
    """Answers HEAD like GET without the body. It doesn't wait for streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                begun.set()

        answering = asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, send_head))
        waiting = asyncio.ensure_future(begun.wait())
        await asyncio.wait({answering, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not answering.done():
            answering.cancel()
            await asyncio.wait({answering})
        with suppress(asyncio.CancelledError):
            answering.result()
        await send({"type": "http.response.body", "body": b""})
