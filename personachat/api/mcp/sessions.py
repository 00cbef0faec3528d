"""Streamable HTTP by the SDK: both protocol eras, and sessions that belong to whoever started them.

Each owner has a limited number of sessions, so that nobody uses up those of others. One too many replaces the
owner's session that was idle longest, since clients that crash never end theirs. If none is idle, it is
refused.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from personachat.api.auth import MAX_BODY_BYTES
from personachat.api.mcp.negotiation import negotiated
from personachat.api.mcp.server import PersonaServer
from personachat.services import Services

log = logging.getLogger(__name__)

MOST_SESSIONS = 5_000
MOST_SESSIONS_OF_AN_OWNER = 50
IDLE_SECONDS = 15 * 60


class Sessions:
    """Serves requests that the gate has admitted, within `running`."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._server = PersonaServer(services)
        self._manager = _FairManager(
            self._server,
            max_request_body_size=MAX_BODY_BYTES,
            max_sessions=MOST_SESSIONS,
            session_idle_timeout=IDLE_SECONDS,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Enter it once."""
        async with self._manager.run():
            yield

    async def serve(self, scope: Scope, receive: Receive, send: Send, *, owner: str) -> None:
        """Answer one request. `owner` is whose sessions it may start or use."""
        user = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[]))
        scope, send = negotiated({**scope, "user": user}, send)
        await self._manager.handle_request(scope, receive, send)

    def end(self) -> None:
        """End every chat and subscription properly."""
        self._server.end()


class _FairManager(StreamableHTTPSessionManager):
    """The SDK's manager, which only has one limit for everybody together."""

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        theirs = [each for each, whose in self._session_owners.items() if whose == requestor]
        if len(theirs) >= MOST_SESSIONS_OF_AN_OWNER and not self._end_longest_idle(theirs):
            log.warning("A caller of MCP has %d sessions open and is refused another", len(theirs))
            return None
        return super()._admit_session(requestor)

    def _end_longest_idle(self, session_ids: list[str]) -> bool:
        """End a session that answers nothing at the moment; False if there is none."""
        idle = {each: self._idle_until(each) for each in session_ids}
        longest = min(idle, key=idle.__getitem__)
        scope = self._server_instances[longest].idle_scope
        if idle[longest] == math.inf or scope is None:
            return False
        self._server_instances.pop(longest)  # from now on it can't be found
        self._session_owners.pop(longest)
        scope.cancel()
        return True

    def _idle_until(self, session_id: str) -> float:
        """When it will have been idle too long; infinity while it answers."""
        scope = self._server_instances[session_id].idle_scope
        return math.inf if scope is None else scope.deadline
