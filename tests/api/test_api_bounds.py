"""However much is wrong with what is sent, the answer that says so is short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.mcp.conftest import serving

MOST_BYTES = 64 * 1024
LONG = "k" * 1_000_000
MANY: dict[str, Any] = {f"unknown-{number}": number for number in range(50_000)}
DEEP = {"personality": {"x" * 300_000: {"y" * 300_000: 1}}}
CHAT = {"message": "Hi", "personaId": "tester"}
PERSONA = {"id": "x", "name": "X", "systemPrompt": "."}
COMPLETION = {"model": "tester", "messages": [{"role": "user", "content": "Hi"}]}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    with serving(services) as server:
        yield server.url.removesuffix("/mcp")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", CHAT | {LONG: 1}),
        ("/api/chat", CHAT | MANY),
        ("/api/chat", CHAT | {"personaId": LONG}),
        ("/api/chat", CHAT | {"conversationId": LONG}),
        ("/api/chat", CHAT | {"history": [{"role": LONG, "content": 1}] * 2}),
        ("/api/chat", CHAT | {"history": [{LONG[:20]: 1}] * 20_000}),
        ("/api/personas", PERSONA | {LONG: 1}),
        ("/api/personas", PERSONA | MANY),
        ("/api/personas", PERSONA | DEEP),
        ("/api/personas", PERSONA | {"id": LONG}),
        ("/api/personas", PERSONA | {"tags": [LONG]}),
        ("/api/personas", PERSONA | {"tags": [1] * 100_000}),
        ("/api/personas/lint", PERSONA | MANY),
        ("/api/personas/lint", PERSONA | {"systemPrompt": "{{" + "a" * 31_000 + "}}"}),
        ("/api/personas/lint", PERSONA | {"examples": [{"user": "{{x}}", "assistant": "{{y}}"}] * 10_000}),
        ("/api/personas/import", PERSONA | MANY),
        ("/api/conversations/import", {LONG: 1}),
        ("/v1/chat/completions", COMPLETION | {LONG: 1}),
        ("/v1/chat/completions", COMPLETION | MANY),
        ("/v1/chat/completions", COMPLETION | {"model": LONG}),
        ("/v1/chat/completions", COMPLETION | {"messages": [{"role": LONG, "content": 1}]}),
        ("/v1/responses", {"model": LONG, "input": "Hi"}),
        ("/v1/responses", {"model": "tester", "input": [{"type": LONG}]}),
    ],
)
def test_an_error_repeats_only_a_little_of_what_was_sent(address: str, path: str, body: Any) -> None:
    answer = httpx2.post(f"{address}{path}", json=body, timeout=60)
    assert 400 <= answer.status_code < 500 or path.endswith("/lint"), answer.status_code
    assert len(answer.content) < MOST_BYTES
    told = answer.json()
    if path.startswith("/v1"):
        assert len(told["error"]["message"]) <= 500
    elif answer.status_code != 200:
        assert len(told["detail"]) <= 500
        assert len(told.get("problems", ())) <= 50


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": LONG, "arguments": {}}),
        ("tools/call", {"name": "chat", "arguments": {LONG: 1}}),
        ("tools/call", {"name": "chat", "arguments": MANY}),
        ("tools/call", {"name": "chat", "arguments": {"personaId": LONG, "message": "Hi"}}),
        ("tools/call", {"name": 1, "arguments": MANY}),
        ("tools/call", {LONG: 1}),
        ("prompts/get", {"name": LONG}),
        (LONG, {}),
        ("nothing", MANY),
    ],
)
def test_an_error_over_mcp_is_short_too(address: str, method: str, params: dict[str, Any]) -> None:
    opening = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    with httpx2.Client(base_url=address, headers=ACCEPT, timeout=60) as client:
        begun = client.post("/mcp", json=call(1, "initialize", opening))
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
        answer = client.post("/mcp", json=call(2, method, params), headers=session)
        assert len(answer.content) < MOST_BYTES
        assert "rror" in answer.text
        client.delete("/mcp", headers=session)


def call(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_the_ends_of_time_are_moments_like_others(address: str, moment: str) -> None:
    with httpx2.Client(base_url=f"{address}/api", timeout=20) as client:
        client.post("/personas", json=PERSONA)
        for bound in ("since", "until"):
            is_early = moment.startswith("0001")
            events = client.get("/audit", params={bound: moment}).json()["events"]
            assert bool(events) == (is_early == (bound == "since"))
            for path in ("/conversations", "/usage"):
                assert client.get(path, params={bound: moment[:10]}).status_code == 200
        made = client.post("/tokens", json={"name": "t", "role": "reader", "expiresAt": moment})
        assert made.status_code == (422 if is_early else 201)
        assert client.get("/tokens").status_code == 200


def test_what_is_said_of_one_wrong_key_is_whole(address: str) -> None:
    told = httpx2.post(f"{address}/api/chat", json=CHAT | {"mesage": "Hi"}, timeout=20).json()
    assert told["detail"] == "mesage is not a key the API knows."
    assert told["problems"] == [{"path": ["mesage"], "message": told["detail"]}]
    assert json.dumps(told).isascii()
