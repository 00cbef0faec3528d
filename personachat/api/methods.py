"""Which methods a path takes, asked of the router itself, and HEAD wherever GET is answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def methods_at(request: Request) -> list[str]:
    """All methods of a path: who refused a request only knows those of the first route that fits."""
    found = [method for method in _METHODS if _is_taken(request, method)]
    return sorted([*found, "HEAD"]) if "GET" in found else found


def _is_taken(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


class HeadAsGet:
    """Answers HEAD as GET would be, without the body; what streams is not waited for."""

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
