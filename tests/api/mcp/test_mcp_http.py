"""Who gets in at /mcp, what hostile requests are told, and how everything open comes to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from personachat.api.mcp import chats
from personachat.services import Services
from tests.api.mcp.conftest import ERAS, SECONDS, connected, serving, texts
from tests.fake_provider import FakeProvider, Gate, tokens

TOKEN, OTHER = "token-one-of-two", "token-two-of-two"
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def bearer(token: str) -> dict[str, str]:
    return {**ELSEWHERE, "Authorization": f"Bearer {token}"}


def call(message: str, number: int = 2) -> dict[str, Any]:
    arguments = {"persona": "tester", "message": message}
    params = {"name": "chat", "arguments": arguments, "_meta": {"progressToken": 1}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


@pytest.fixture
def guarded(make_services: Callable[..., Services]) -> Iterator[str]:
    with serving(make_services(api_tokens=f"{OTHER}, {TOKEN}")) as server:
        yield server.url


@pytest.fixture
def http(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url.removesuffix("/mcp"), headers=ACCEPT, timeout=SECONDS) as client:
        yield client


def session_of(http: httpx2.Client, **headers: str) -> dict[str, str]:
    """Begin a session; what its further requests have to carry."""
    begun = http.post("/mcp", json=INITIALIZE, headers=headers)
    assert begun.status_code == 200
    carried = {**headers, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert http.post("/mcp", json=ready, headers=carried).status_code == 202
    return carried


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_from_elsewhere_a_token_is_needed_and_enough(era: str, guarded: str) -> None:
    async with connected(guarded, era, headers=bearer(TOKEN)) as client:
        assert texts(await client.call_tool("chat", {"persona": "tester", "message": "Hi"})) == [
            "You said: Hi"
        ]
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="needs a token"), flatten_subgroups=True):
        async with connected(guarded, era, headers=ELSEWHERE):
            pass
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="needs a token"), flatten_subgroups=True):
        async with connected(guarded, era):  # no less on this machine
            pass


def test_a_refusal_says_how_and_is_json_rpc(guarded: str) -> None:
    missing = httpx2.post(guarded, json=INITIALIZE, headers={**ACCEPT, **ELSEWHERE})
    wrong = httpx2.post(guarded, json=INITIALIZE, headers={**ACCEPT, **bearer("guessed")})
    for answer in (missing, wrong):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.json()["id"] is None
        assert "Authorization: Bearer" in answer.json()["error"]["message"]
        assert TOKEN not in answer.text
        assert "guessed" not in answer.text
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    assert "error=" not in missing.headers["www-authenticate"]


def test_without_a_token_on_the_server_nobody_gets_in_from_elsewhere(http: httpx2.Client) -> None:
    refused = http.post("/mcp", json=INITIALIZE, headers=bearer("any"))
    assert refused.status_code == 403
    assert "PERSONACHAT_API_TOKENS" in refused.json()["error"]["message"]


def test_a_session_serves_only_the_token_that_began_it(guarded: str) -> None:
    listing = {"jsonrpc": "2.0", "id": 2, "method": "prompts/list"}
    with httpx2.Client(base_url=guarded.removesuffix("/mcp"), headers=ACCEPT, timeout=SECONDS) as http:
        session = session_of(http, **bearer(TOKEN))
        assert http.post("/mcp", json=listing, headers=session).status_code == 200
        assert http.post("/mcp", json=listing, headers=session | bearer(OTHER)).status_code == 404
        assert http.delete("/mcp", headers=session | bearer(OTHER)).status_code == 404
        assert http.delete("/mcp", headers=session).status_code == 200
        assert http.post("/mcp", json=listing, headers=session).status_code == 404


def test_other_sites_and_other_names_are_refused(http: httpx2.Client) -> None:
    foreign = http.post("/mcp", json=INITIALIZE, headers={"Origin": "https://evil.example"})
    rebound = http.post("/mcp", json=INITIALIZE, headers={"Host": "evil.example"})
    assert (foreign.status_code, rebound.status_code) == (403, 421)


def test_a_client_that_asks_how_to_log_in_hears_that_there_is_nothing(http: httpx2.Client) -> None:
    for path in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
        assert http.get(f"/.well-known/{path}").status_code == 404


HOSTILE: list[tuple[bytes, dict[str, str], int]] = [
    (b"", {}, 400),
    (b"{", {}, 400),
    (b"[]", {}, 400),
    (b"null", {}, 400),
    (b'"\xff"', {}, 400),
    (b"[" * 100_000, {}, 400),
    (json.dumps([INITIALIZE, INITIALIZE]).encode(), {}, 400),
    (json.dumps(INITIALIZE | {"id": {"a": 1}}).encode(), {}, 400),
    (json.dumps(INITIALIZE).encode(), {"Content-Type": "text/plain"}, 415),
    (json.dumps(INITIALIZE).encode(), {"Accept": "text/html"}, 406),
    (json.dumps(call("No session")).encode(), {}, 400),
    (json.dumps(call("No session")).encode(), {"Mcp-Session-Id": "0" * 32}, 404),
    (json.dumps(call("Era")).encode(), {"MCP-Protocol-Version": "2999-01-01"}, 400),
    (json.dumps(call("Envelope")).encode(), {"MCP-Protocol-Version": "2026-07-28"}, 400),
    (b" " * (2 * 1024 * 1024 + 1), {}, 413),
]


def test_hostile_requests_get_an_error_and_harm_nobody(http: httpx2.Client, fake: FakeProvider) -> None:
    for body, headers, status in HOSTILE:
        told = {"Content-Type": "application/json", **headers}
        answer = http.post("/mcp", content=body, headers=told)
        assert answer.status_code == status, (body[:80], headers, answer.text)
        assert "Traceback" not in answer.text
    kind = {"Content-Type": "application/json"}
    endless = http.post("/mcp", content=iter([b" " * 1024 * 1024] * 3), headers=kind)
    assert endless.status_code == 413
    assert http.get("/mcp").status_code == 400
    assert http.put("/mcp", json={}).status_code in {400, 405}
    assert http.post("/mcp/health", json=INITIALIZE).status_code == 404
    assert not fake.chats
    assert session_of(http)


def test_a_caller_who_hangs_up_ends_the_request_upstream(
    http: httpx2.Client, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "LEFT_SECONDS", 0.05)
    session = session_of(http)
    fake.enqueue(tokens(["One ", Gate(), "two."]))
    with http.stream("POST", "/mcp", json=call("Hi"), headers=session):
        fake.wait_for_chats()
    assert fake.wait_for_disconnect()


def test_at_the_end_a_chat_keeps_its_text_and_listeners_are_let_go(
    services: Services, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["One ", gate := Gate(), "two."]))
    with (
        serving(services) as server,
        httpx2.Client(base_url=server.url.removesuffix("/mcp"), headers=ACCEPT, timeout=SECONDS) as http,
    ):
        session = session_of(http)
        with (
            http.stream("GET", "/mcp", headers=session) as news,
            http.stream("POST", "/mcp", json=call("Hi"), headers=session) as chat,
        ):
            gate.wait_reached()
            lines = chat.iter_lines()
            assert any("notifications/progress" in line for line in lines)
            loop = server.server.servers[0].get_loop()
            loop.call_soon_threadsafe(server.app.end)
            assert news.read() is not None
            said = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    why, arrived = (block["text"] for block in said[-1]["result"]["content"])
    assert said[-1]["result"]["isError"]
    assert "The server stopped" in why
    assert arrived.endswith("\n\nOne ")
    assert fake.wait_for_disconnect()


@pytest.mark.anyio
async def test_at_the_end_subscriptions_end_properly(services: Services) -> None:
    with serving(services) as server:
        async with connected(server.url) as client, client.listen(prompts_list_changed=True) as news:
            server.server.servers[0].get_loop().call_soon_threadsafe(server.app.end)
            with anyio.fail_after(10):
                assert [event async for event in news] == []


@pytest.mark.parametrize(
    "accept",
    ["application/json", "text/event-stream", "*/*", "text/*", "application/json;q=0.9", ""],
)
def test_whatever_a_client_says_it_takes_it_is_served(url: str, fake: FakeProvider, accept: str) -> None:
    fake.enqueue(tokens(["One ", "two."]))
    kind = {"Content-Type": "application/json", **({"Accept": accept} if accept else {})}
    with httpx2.Client(timeout=SECONDS) as client:
        del client.headers["accept"]
        begun = client.post(url, json=INITIALIZE, headers=kind)
        assert begun.status_code == 200
        session = {**kind, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        said = client.post(url, json=call("Hi"), headers=session)
    json_alone = accept.startswith("application/json")
    assert said.headers["content-type"].startswith("application/json" if json_alone else "text/event-stream")
    lines = [said.text] if json_alone else [x[5:] for x in said.text.splitlines() if x.startswith("data:")]
    answer = json.loads(lines[-1])
    assert answer["id"] == 2
    assert answer["result"]["content"][0]["text"] == "One two."


def test_a_client_that_takes_nothing_in_particular_may_listen_for_news(http: httpx2.Client) -> None:
    session = session_of(http)
    del http.headers["accept"]
    with http.stream("GET", "/mcp", headers={"Mcp-Session-Id": session["Mcp-Session-Id"]}) as news:
        assert news.headers["content-type"].startswith("text/event-stream")
        assert news.status_code == 200


@pytest.mark.parametrize("last", ["9", "x" * 9_000])
def test_a_client_that_comes_back_after_a_cut_listens_anew(http: httpx2.Client, last: str) -> None:
    headers = session_of(http) | {"Last-Event-ID": last}
    with http.stream("GET", "/mcp", headers=headers) as news:
        assert news.status_code == 200
        assert news.headers["content-type"].startswith("text/event-stream")
    assert http.head("/mcp", headers=session_of(http) | {"Last-Event-ID": last}).status_code == 200


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json", ""])
@pytest.mark.parametrize("version", ["1900-01-01", "2999-12-31", "newest", ""])
def test_a_protocol_version_that_nobody_knows_is_told_in_a_sentence(
    url: str, accept: str, version: str
) -> None:
    asked = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
    headers = {"MCP-Protocol-Version": version, "Accept": accept or "*/*"}
    answer = httpx2.post(url, json=asked, headers=headers, timeout=SECONDS)
    assert answer.status_code == 400
    body = answer.json()
    assert body["id"] == 7
    assert body["error"]["message"].startswith(
        f'The MCP protocol version "{version}" is not supported here. Supported: '
    )
    assert "2025-06-18" in body["error"]["message"]
    assert version == body["error"]["data"]["requested"]


def test_a_server_that_nobody_asks_loads_no_sdk() -> None:
    code = "import sys, personachat.api.mcp.http; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_owner_has_so_many_sessions_and_takes_none_from_others(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.api.mcp.sessions.MOST_SESSIONS_OF_AN_OWNER", 3)
    listing = {"jsonrpc": "2.0", "id": 2, "method": "prompts/list"}
    with httpx2.Client(base_url=guarded.removesuffix("/mcp"), headers=ACCEPT, timeout=SECONDS) as http:
        others = session_of(http, **bearer(OTHER))
        begun = [session_of(http, **bearer(TOKEN)) for _ in range(3)]
        assert (
            http.post("/mcp", json=listing, headers=begun[0]).status_code == 200
        )  # now it is not the oldest
        begun.append(session_of(http, **bearer(TOKEN)))
        answers = [http.post("/mcp", json=listing, headers=each).status_code for each in begun]
        assert answers == [200, 404, 200, 200]
        assert http.post("/mcp", json=listing, headers=others).status_code == 200


def test_a_session_that_is_in_use_is_not_ended_for_another(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.api.mcp.sessions.MOST_SESSIONS_OF_AN_OWNER", 1)
    with httpx2.Client(base_url=guarded.removesuffix("/mcp"), headers=ACCEPT, timeout=SECONDS) as http:
        session = session_of(http, **bearer(TOKEN))
        with http.stream("GET", "/mcp", headers=session) as news:
            assert news.status_code == 200
            assert http.post("/mcp", json=INITIALIZE, headers=bearer(TOKEN)).status_code == 503
            assert http.post("/mcp", json=INITIALIZE, headers=bearer(OTHER)).status_code == 200
            assert http.delete("/mcp", headers=session).status_code == 200
