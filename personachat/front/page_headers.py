"""What browsers are told about the pages: where they may load from, who may frame them, what they give away.

The policy is the second wall. The first is that nothing foreign reaches a page as anything but words; should
that fail, the browser still asks no other host. It binds the pages and what belongs to them; /api, /v1 and
/mcp have their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?", re.ASCII)

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # an address holds the conversation's id
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class PageHeaders:
    """Adds the headers to every answer of the pages that does not have its own of that name."""

    def __init__(self, app: ASGIApp, *, frame_ancestors: Sequence[str] = ()) -> None:
        self._app = app
        self._frame_ancestors = " ".join(("'self'", *frame_ancestors))
        self._fixed = FIXED if frame_ancestors else FIXED | {"X-Frame-Options": "SAMEORIGIN"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._fixed.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", self._policy(host))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _policy(self, host: str) -> str:
        """The Content-Security-Policy of a page under this host."""
        # 'self' is the same origin's WebSocket as well, but not in every browser.
        sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
        return "; ".join(
            (
                "default-src 'self'",
                # Streamlit's page begins with a script of its own, st.html runs ours, components are blobs.
                "script-src 'self' 'unsafe-inline' blob:",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "media-src 'self' data: blob:",
                "font-src 'self' data:",
                f"connect-src 'self' data: blob:{sockets}",
                "worker-src 'self' blob:",
                "frame-src 'self'",
                f"frame-ancestors {self._frame_ancestors}",
                "object-src 'none'",
                "base-uri 'self'",
                "form-action 'self'",
            )
        )
