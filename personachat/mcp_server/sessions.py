"""Streamable HTTP by the SDK: both protocol eras, and sessions that belong to whoever began them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from personachat.api.auth import MAX_BODY_BYTES
from personachat.mcp_server.server import PersonaServer
from personachat.services import Services

MOST_SESSIONS = 1_000


class Sessions:
    """Serves requests that the gate has let in, within `running`."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._server = PersonaServer(services)
        self._manager = StreamableHTTPSessionManager(
            self._server, max_request_body_size=MAX_BODY_BYTES, max_sessions=MOST_SESSIONS
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """To be entered once."""
        async with self._manager.run():
            yield

    async def serve(self, scope: Scope, receive: Receive, send: Send, *, owner: str) -> None:
        """Answer one request. `owner` is whose session it may begin or use."""
        user = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[]))
        await self._manager.handle_request({**scope, "user": user}, receive, send)

    def end(self) -> None:
        """Bring every chat and subscription to its proper end."""
        self._server.end()
