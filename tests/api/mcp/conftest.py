"""MCP on a real port, and the SDK's own client of it, in both eras of the protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette

from personachat.api.app import ApiFirst, create_api
from personachat.api.mcp.http import McpApp
from personachat.api.v1.app import create_v1
from personachat.services import Services

ERAS = ("legacy", "auto")
"""How the client opens: with the handshake that there was up to 2025, or as the newest server does."""
SECONDS = 60


@dataclass(frozen=True)
class Serving:
    url: str
    app: McpApp
    server: uvicorn.Server
    thread: threading.Thread


@contextmanager
def serving(services: Services) -> Iterator[Serving]:
    """Serve pages, API and MCP of these services as the server does."""
    app = McpApp(lambda: services)
    pages = Starlette(lifespan=lambda _: app.lifespan())
    outer = ApiFirst(pages, api=create_api(lambda: services), v1=create_v1(lambda: services), mcp=app)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(outer, lifespan="on", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Serving(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", app, server, thread)
        finally:
            for live_reply in list(services.runner._runner.values()):
                live_reply.stop()  # the server waits for open streams
            server.should_exit = True
            thread.join(SECONDS)
    assert not thread.is_alive()


@asynccontextmanager
async def connected(
    url: str, mode: str = "auto", *, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncGenerator[Client]:
    async with httpx2.AsyncClient(headers=headers, timeout=SECONDS) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, read_timeout_seconds=SECONDS, **options) as client:
            yield client


def texts(result: types.CallToolResult | types.GetPromptResult) -> list[str]:
    """The text of every block or message."""
    blocks = (
        result.content
        if isinstance(result, types.CallToolResult)
        else [message.content for message in result.messages]
    )
    found = [block.text for block in blocks if isinstance(block, types.TextContent)]
    assert len(found) == len(blocks)
    return found


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    with serving(services) as server:
        yield server.url
