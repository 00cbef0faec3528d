"""The outermost middleware: a header in which a proxy names a person only gets past it from that proxy.

uvicorn puts the client that a proxy names in the place of the proxy's own address, before anything of ours is
asked. So the address a connection really comes from is written down in front of that, once the server starts.
What Streamlit itself takes from headers for `st.user` is let in from the same proxies alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from personachat.accounts.proxies import PEER, is_trusted_proxy, trusted_user
from personachat.settings import Settings


class TrustedUser:
    """The ASGI middleware. `streamlit_headers` are the names of those that become part of `st.user`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Callable[[], Settings],
        streamlit_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._app = app
        self._settings = settings
        self._streamlit_headers = streamlit_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = self._cleaned(scope)
        await self._app(scope, receive, send)

    def _cleaned(self, scope: Scope) -> Scope:
        settings = self._settings()
        unwanted = set()
        if settings.trusted_user_header and not trusted_user(scope, settings):
            unwanted.add(settings.trusted_user_header)
        if not is_trusted_proxy(scope, settings):
            unwanted.update(name.lower() for name in self._streamlit_headers())
        if not unwanted:
            return scope
        names = {name.encode("latin-1", "replace") for name in unwanted}
        headers = [header for header in scope["headers"] if header[0].lower() not in names]
        return {**scope, "headers": headers}


def write_down_peers(server: Config) -> None:
    """Have a server that is about to start say where each connection really comes from."""
    server.loaded_app = _WithPeer(server.loaded_app)


class _WithPeer:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            client = scope.get("client")
            scope[PEER] = client[0] if client else None
        await self._app(scope, receive, send)
