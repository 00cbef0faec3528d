"""Everything under a path such as /personas-tool: pages, /api, /v1, /mcp and /metrics move there together.

A request is stripped of the base path before anything else sees it, so the rest of the server only knows
addresses at the root. A proxy may therefore strip it as well, or not: both arrive alike. On the way out,
redirects and cookies get the base path back, because the browser sees it in either case.
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_WHOLE_SITE = re.compile(r"(;\s*path=)/(?=;|$)", re.IGNORECASE)


class BasePath:
    """The outermost ASGI middleware. `base_path` begins with a slash and does not end with one, or is ""."""

    def __init__(self, app: ASGIApp, *, base_path: str = "") -> None:
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        base = self._base_path
        if not base or scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif scope["path"] == base and scope["type"] == "http":
            # Only with the slash do the pages' relative addresses lead below the base path.
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{base}/{query and '?'}{query}")(scope, receive, send)
        else:
            await self._app(_without(scope, base), receive, self._sending_back(send))

    def _sending_back(self, send: Send) -> Send:
        async def send_with_base_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._lead_below(MutableHeaders(scope=message))
            await send(message)

        return send_with_base_path

    def _lead_below(self, headers: MutableHeaders) -> None:
        location = headers.get("location", "")
        if location.startswith("/") and not location.startswith("//"):
            headers["location"] = self._base_path + location
        if cookies := headers.getlist("set-cookie"):
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", _WHOLE_SITE.sub(rf"\g<1>{self._base_path}", cookie))


def _without(scope: Scope, base: str) -> Scope:
    """The scope as if it had been asked for at the root; one that is there already stays as it is."""
    if not scope["path"].startswith(f"{base}/"):
        return scope
    raw: bytes = scope.get("raw_path") or b""
    return {**scope, "path": scope["path"][len(base) :], "raw_path": raw.removeprefix(base.encode())}
