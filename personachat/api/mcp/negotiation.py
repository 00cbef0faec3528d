"""What a client accepts and which protocol it speaks, and answers that fit.

The SDK only answers clients that accept both JSON and event streams. Others are served too. A client that
names neither, or only event streams, gets what the SDK sends. A client that names only JSON gets the last
message of the stream, which is the answer. An unknown protocol version is refused with a clear sentence.
"""

from __future__ import annotations

import json
from typing import Any

from mcp import types
from mcp.server.streamable_http import check_accept_headers
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Scope, Send

JSON, EVENTS = "application/json", "text/event-stream"
VERSION_HEADER = "mcp-protocol-version"


def negotiated(scope: Scope, send: Send) -> tuple[Scope, Send]:
    """The request in the form the SDK accepts, and where its answer goes."""
    headers = Headers(scope=scope)
    version = headers.get(VERSION_HEADER)
    if version is not None and version not in KNOWN_PROTOCOL_VERSIONS:
        send = _UnknownVersion(send, version)
    takes_json, takes_events = check_accept_headers(Request(scope))
    takes_anything = not headers.get("accept", "").strip()
    if takes_anything or (scope["method"] == "POST" and takes_json != takes_events):
        others = [(name, value) for name, value in scope["headers"] if name != b"accept"]
        scope = {**scope, "headers": [*others, (b"accept", f"{JSON}, {EVENTS}".encode())]}
        if takes_json:
            send = _WholeAnswer(send)
    return scope, send


class _WholeAnswer:
    """Turns an event stream into its last message; other answers pass unchanged."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._pending = b""
        self._answer: bytes | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith(EVENTS):
                self._start = message
                return
        elif self._start is not None:
            self._take(message.get("body", b""))
            if not message.get("more_body"):
                await _send_json(self._send, self._start, self._answer or _NO_ANSWER)
            return
        await self._send(message)

    def _take(self, body: bytes) -> None:
        *events, self._pending = (self._pending + body).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            lines = event.split(b"\n")
            data = b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
            if data and "method" not in _parsed(data):
                self._answer = data


class _UnknownVersion:
    """Passes an answer on, and replaces errors of the SDK that don't say what was wrong."""

    def __init__(self, send: Send, version: str) -> None:
        self._send = send
        self._version = version
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith(JSON):
                self._start = message
                return
        elif self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await _send_json(self._send, self._start, self._explained())
            return
        await self._send(message)

    def _explained(self) -> bytes:
        answer = _parsed(self._body)
        error = answer.get("error")
        if not isinstance(error, dict):
            return self._body
        versions = ", ".join(KNOWN_PROTOCOL_VERSIONS)
        sentence = (
            f'The MCP protocol version "{self._version[:50]}" is not supported here. Supported: {versions}.'
        )
        data = {"supported": list(KNOWN_PROTOCOL_VERSIONS), "requested": self._version[:50]}
        if error.get("code") == types.UNSUPPORTED_PROTOCOL_VERSION:
            data = error.get("data", data)
        rpc_error = {"code": types.UNSUPPORTED_PROTOCOL_VERSION, "message": sentence, "data": data}
        return json.dumps({**answer, "error": rpc_error}).encode()


_NO_ANSWER = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": types.INTERNAL_ERROR, "message": "The server stopped before it could answer."},
    }
).encode()


async def _send_json(send: Send, start: Message, body: bytes) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-type"] = JSON
    headers["content-length"] = str(len(body))
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def _parsed(body: bytes) -> dict[str, Any]:
    """A JSON object; empty if the body is anything else."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
