"""Whoever leaves before a request has arrived is nobody's fault: nothing is done, answered or logged."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.applications import Starlette

from personachat.api.app import ApiFirst, create_api
from personachat.api.mcp.http import McpApp
from personachat.api.v1.app import create_v1
from personachat.services import Services
from tests.api.test_api_methods import ROUTES, filled

pytestmark = pytest.mark.anyio

WITH_A_BODY = [
    (method, base, path)
    for base, routes in ROUTES.items()
    for path, methods in routes.items()
    for method in sorted(methods & {"POST", "PUT", "PATCH"})
]
LEGACY: list[tuple[bytes, bytes]] = []
NEWEST = [(b"mcp-protocol-version", b"2026-07-28")]


def half_sent(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    named = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"100")]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*named, *headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8501),
    }


@pytest.mark.parametrize("protocol", [LEGACY, NEWEST], ids=["legacy", "newest"])
async def test_a_half_sent_request_is_not_logged(
    services: Services, caplog: pytest.LogCaptureFixture, protocol: list[tuple[bytes, bytes]]
) -> None:
    caplog.set_level(logging.WARNING)
    mcp = McpApp(lambda: services)
    api, v1 = create_api(lambda: services), create_v1(lambda: services)
    served = ApiFirst(Starlette(), api=api, v1=v1, mcp=mcp)
    before = services.personas.all()
    async with mcp.lifespan():
        for method, base, path in WITH_A_BODY:
            coming: list[dict[str, Any]] = [{"type": "http.request", "body": b'{"a":', "more_body": True}]

            async def receive(coming: list[dict[str, Any]] = coming) -> dict[str, Any]:
                return coming.pop() if coming else {"type": "http.disconnect"}

            async def send(message: dict[str, Any]) -> None:
                """Nobody is there to be answered."""

            await served(half_sent(method, f"{base}{filled(path)}", protocol), receive, send)  # type: ignore[arg-type]  # looser than the types on purpose
        assert mcp._life
        assert mcp._life._sessions
        assert not mcp._life._sessions._manager._server_instances
    assert services.personas.all() == before
    assert caplog.records == []
