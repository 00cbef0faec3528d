"""MCP over streamable HTTP as an ASGI app, mounted at /mcp beside pages and API.

The gate of the REST API decides who may use it, and a session only serves the caller that started it. The SDK
takes half a second to load, so it is loaded with the first request, and not at all if nobody uses MCP.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from personachat.api.auth import MAX_BODY_BYTES, Gate, owner_of
from personachat.api.errors import Refused
from personachat.services import Services, get_services

if TYPE_CHECKING:
    from personachat.api.mcp.sessions import Sessions

PATHS = frozenset({"/mcp", "/mcp/"})

METHODS = ("DELETE", "GET", "POST")

_INVALID_REQUEST, _INTERNAL_ERROR = -32600, -32603


class McpApp:
    """The app. It answers only within its `lifespan`; a second one may follow the first."""

    def __init__(self, services: Callable[[], Services] = get_services) -> None:
        self._services = services
        self._life: _Life | None = None
        self._gated: ASGIApp = Gate(
            self._serve,
            settings=lambda: services().settings,
            refuse=_refusal,
            admit=lambda identity: services().admit(identity),
            tokens=lambda: services().admitted_tokens,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gated(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Serve requests within this block."""
        self._life = _Life(self._services)
        running = asyncio.create_task(self._life.run())
        try:
            yield
        finally:
            self._life.end()
            self._life = None
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def end(self) -> None:
        """Close everything that is open. Call it on the app's event loop."""
        if self._life:
            self._life.end()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in PATHS:
            await _error(404, "MCP is at /mcp.")(scope, receive, send)
        elif scope["method"] not in METHODS:
            allowed = {"Allow": ", ".join(sorted((*METHODS, "HEAD")))}
            await _error(405, f"{scope['method']} is not allowed here.", headers=allowed)(
                scope, receive, send
            )
        elif self._life is None:
            await _not_ready()(scope, receive, send)
        else:
            try:
                await self._life.serve(scope, receive, send)
            except HTTPException as error:
                at_most = f"{MAX_BODY_BYTES // 1024:,} KB"
                await _error(error.status_code, f"The body is too large; the limit is {at_most}.")(
                    scope, receive, send
                )


class _Life:
    """One run of the server, from start to end: what is loaded, and whether it is over."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._end_request = asyncio.Event()
        self._tried = asyncio.Event()
        self._over = asyncio.Event()
        self._sessions: Sessions | None = None

    async def run(self) -> None:
        """Load what is needed at the first request and keep it running until cancelled."""
        await self._end_request.wait()
        try:
            module = await asyncio.to_thread(importlib.import_module, "personachat.api.mcp.sessions")
            sessions: Sessions = module.Sessions(self._services)
            async with sessions.running():
                self._sessions = sessions
                self._tried.set()
                await asyncio.Event().wait()
        finally:
            self._sessions = None
            self._tried.set()

    def end(self) -> None:
        self._over.set()
        if self._sessions:
            self._sessions.end()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._end_request.set()
        await self._tried.wait()
        if self._sessions is None:
            await _not_ready()(scope, receive, send)
            return
        owner = owner_of(Request(scope))
        if scope["method"] != "GET":
            await self._sessions.serve(scope, await _arrived(scope, receive), send, owner=owner)
            return
        # A stream that listens for news never ends by itself, and the server waits for it.
        unfinished = _Unfinished(send)
        # Nothing is kept to be sent again, and the SDK doesn't answer clients that ask for it.
        headers = [header for header in scope["headers"] if header[0] != b"last-event-id"]
        scope = {**scope, "headers": headers}
        await self._sessions.serve(scope, self._until_over(receive), unfinished, owner=owner)
        await unfinished.finish()

    def _until_over(self, receive: Receive) -> Receive:
        async def receive_or_end() -> Message:
            coming = asyncio.ensure_future(receive())
            ending = asyncio.ensure_future(self._over.wait())
            try:
                await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
                return coming.result() if coming.done() else {"type": "http.disconnect"}
            finally:
                coming.cancel()
                ending.cancel()

        return receive_or_end


async def _arrived(scope: Scope, receive: Receive) -> Receive:
    """The complete request: the SDK would start a session earlier and log a client that disconnects.

    Raises ClientDisconnect.
    """
    body = await Request(scope, receive).body()
    whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def receive_whole() -> Message:
        nonlocal whole
        message, whole = whole, None
        return message or await receive()

    return receive_whole


class _Unfinished:
    """Passes an answer on, and can end it if the sender just stopped."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open = False

    async def __call__(self, message: Message) -> None:
        self._open = message["type"] == "http.response.start" or bool(message.get("more_body"))
        await self._send(message)

    async def finish(self) -> None:
        if self._open:
            await self({"type": "http.response.body", "body": b""})


def _refusal(refused: Refused) -> Response:
    headers = dict(refused.headers)
    if refused.reason == "token_refused":  # RFC 6750: the client must not retry the same request
        headers["WWW-Authenticate"] += ', error="invalid_token"'
    return _error(refused.status, f"{refused} {refused.hint}".strip(), headers=headers)


def _not_ready() -> Response:
    return _error(503, "MCP is not ready on this server.", _INTERNAL_ERROR, headers={"Retry-After": "5"})


def _error(
    status: int, message: str, code: int = _INVALID_REQUEST, *, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON-RPC error without a request, which clients show."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(json.dumps(body), status, dict(headers or {}), "application/json")
