"""Who gets in, what the envelope is for everything else, and that no answer holds a secret."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from personachat.api.app import create_api
from personachat.services import Services
from tests.api.conftest import served, standing
from tests.api.wire import problem_of

TOKEN, OTHER = "token-one-of-two", "token-two-of-two"
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("open")) as made:
        yield made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("guarded"), api_tokens=f"{OTHER}, {TOKEN}") as made:
        yield made


def answered(
    services: Services,
    *,
    client: str | None,
    server: str | None,
    path: str = "/personas",
    headers: dict[str, str] | None = None,
) -> int:
    """The status for a connection between these two addresses, which need not be this machine's."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in ({"host": "localhost:8501"} | (headers or {})).items()
        ],
        "client": None if client is None else (client, 50_000),
        "server": None if server is None else (server, 8501),
    }
    api = create_api(lambda: services)
    asyncio.run(api(scope, receive, send))
    return statuses[0]


def test_on_loopback_the_api_is_open_where_there_are_no_tokens(client: httpx2.Client) -> None:
    assert client.get("/personas").status_code == 200
    assert client.get("/personas", headers=BEARER).status_code == 200  # programs always send some key


@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.9.9.9", "127.0.0.2", 200),
        ("::1", "::1", 200),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", 200),
        ("192.0.2.7", "192.0.2.1", 403),
        ("192.0.2.7", "127.0.0.1", 403),
        ("127.0.0.1", "192.0.2.1", 403),
        (None, "127.0.0.1", 403),
        ("127.0.0.1", None, 403),
        ("testclient", "localhost", 403),
    ],
)
def test_only_both_ends_on_loopback_count(
    services: Services, client: str | None, server: str | None, expected: int
) -> None:
    assert answered(services, client=client, server=server) == expected


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"],
)
def test_behind_a_proxy_a_token_is_needed(guarded: httpx2.Client, header: str) -> None:
    refused = guarded.get("/personas", headers={header: "127.0.0.1"})
    problem_of(refused, 401, "token_missing")
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_each_token_opens_the_api_under_any_name(guarded: httpx2.Client, token: str) -> None:
    headers = ELSEWHERE | {"Authorization": f"bearer {token}", "Host": "chat.example.com"}
    assert guarded.get("/personas", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        f"Bearer {TOKEN} {OTHER}",
    ],
)
def test_any_other_token_is_refused(guarded: httpx2.Client, authorization: str) -> None:
    response = guarded.get("/personas", headers=ELSEWHERE | {"Authorization": authorization})
    problem_of(response, 401, response.json()["code"])
    assert TOKEN not in response.text


def test_a_token_that_is_no_text_is_refused(guarded: httpx2.Client) -> None:
    headers = [(b"X-Forwarded-For", b"203.0.113.9"), (b"Authorization", b"Bearer \xff\xfe\x80")]
    problem_of(guarded.get("/personas", headers=headers), 401, "token_refused")


def test_without_tokens_nobody_gets_in_from_elsewhere(client: httpx2.Client) -> None:
    refused = client.get("/personas", headers=ELSEWHERE | BEARER)
    assert "PERSONACHAT_API_TOKENS" in problem_of(refused, 403, "tokens_not_configured")["detail"]


def test_health_says_little_to_strangers_and_more_to_others(guarded: httpx2.Client) -> None:
    assert guarded.get("/health", headers=ELSEWHERE).json() == {"status": "ok"}
    assert guarded.get("/health").json() == {"status": "ok"}
    told = guarded.get("/health", headers=ELSEWHERE | BEARER).json()
    assert told == guarded.get("/health", headers=BEARER).json()
    assert told["provider"] == "openai"
    assert told["personas"] == 1
    assert told["tokensConfigured"] is True


def test_without_a_database_only_what_needs_one_is_unavailable(
    make_services: Callable[..., Services],
) -> None:
    body = {"message": "Hi", "personaId": "tester"}
    services = make_services(database_url="postgresql://someone:nobody-may-see@127.0.0.1:1/none")
    with served(services) as client:
        for refused in (client.get("/conversations"), client.post("/chat", json=body)):
            problem_of(refused, 503, "database_unavailable")
            assert int(refused.headers["retry-after"]) >= 1
            assert "nobody-may-see" not in refused.text
        assert client.get("/personas").status_code == 200
        assert client.post("/chat", json=body | {"temporary": True}).status_code == 200


def test_health_says_where_words_are_kept_and_that_they_are_not_saved(
    guarded: httpx2.Client, make_services: Callable[..., Services]
) -> None:
    told = guarded.get("/health", headers=BEARER).json()
    assert (told["status"], told["database"]) == ("ok", "sqlite")
    assert "savingFails" not in told
    services = make_services(database_url="postgresql://someone:nobody-may-see@127.0.0.1:1/none")
    assert services.checkpoints._attempt(services.database.prepare) is None
    with served(services) as client:
        answer = client.get("/health")
        assert client.get("/health", headers=ELSEWHERE).json() == {"status": "ok"}
    told = answer.json()
    assert (told["status"], told["database"], told["savingFails"]) == (
        "degraded",
        "unavailable",
        "database_unavailable",
    )
    assert "nobody-may-see" not in answer.text


def test_health_says_that_the_personas_cannot_be_read(services: Services) -> None:
    folder = services.settings.personas_dir
    folder.rename(folder.with_name("away"))  # in one step: the store may be at work in it
    folder.write_text("this is no folder", "utf-8")
    with served(services) as client:
        told = client.get("/health").json()
    assert told["status"] == "degraded"
    assert f'"{folder.name}"' in told["reason"]


def test_strangers_may_see_the_page_of_the_docs_alone(guarded: httpx2.Client) -> None:
    assert guarded.get("/docs", headers=ELSEWHERE).status_code == 200
    problem_of(guarded.get("/openapi.json", headers=ELSEWHERE), 401, "token_missing")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1", "127.0.0.1:80", "[::1]:8501"])
def test_on_loopback_its_own_names_are_answered(client: httpx2.Client, host: str) -> None:
    assert client.get("/personas", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8501",
        "evil.example@localhost",
        "[::1",
        "192.0.2.1",
    ],
)
@pytest.mark.parametrize("path", ["/personas", "/health", "/openapi.json"])
def test_on_loopback_a_foreign_name_is_refused(client: httpx2.Client, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})
    if host == "evil.example@localhost":
        assert response.status_code in {200, 421}  # a URL's user; no browser puts one into Host
    else:
        problem_of(response, 421, "host_refused")


@pytest.mark.parametrize("name", ["chat.local", "192.0.2.1", "localhost.evil.example"])
def test_a_name_the_operator_allows_makes_nobody_local(
    make_services: Callable[..., Services], name: str
) -> None:
    services = make_services(allowed_hosts=name)
    near: dict[str, Any] = {"client": "127.0.0.1", "server": "127.0.0.1"}
    assert answered(services, **near, headers={"host": f"{name}:8501"}) == 421
    assert answered(services, **near, headers={"host": "localhost:8501"}) == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "file://", "", "x"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/personas"), ("POST", "/chat"), ("GET", "/health"), ("OPTIONS", "/personas")],
)
def test_pages_of_other_sites_are_refused(
    guarded: httpx2.Client, origin: str, method: str, path: str
) -> None:
    for more in ({}, ELSEWHERE | BEARER):
        response = guarded.request(method, path, headers={"Origin": origin} | more)
        problem_of(response, 403, "origin_refused")
        assert not any(name.startswith("access-control") for name in response.headers)


def test_our_own_pages_may_call(client: httpx2.Client) -> None:
    here = f"{client.base_url.host}:{client.base_url.port}"
    assert client.get("/personas", headers={"Origin": f"http://{here}"}).status_code == 200


def test_our_own_pages_behind_a_proxy_with_tls_may_call(guarded: httpx2.Client) -> None:
    names = {"Host": "chat.example.com", "Origin": "https://chat.example.com"}
    assert guarded.get("/personas", headers=ELSEWHERE | BEARER | names).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/personas/tester", "DELETE, GET, HEAD, PUT"),
        ("PUT", "/personas", "DELETE, GET, HEAD, POST"),
        ("GET", "/chat", "POST"),
        ("TRACE", "/health", "GET, HEAD"),
    ],
)
def test_a_wrong_method_names_the_right_ones(
    client: httpx2.Client, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/nothing", "/personas/", "/personas/a/b", "/chat/x/rewind"])
def test_an_unknown_address_is_not_found(client: httpx2.Client, path: str) -> None:
    problem_of(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
@pytest.mark.parametrize("path", ["/chat", "/personas"])
def test_a_body_that_is_not_declared_as_json_is_refused(client: httpx2.Client, kind: str, path: str) -> None:
    problem_of(client.post(path, content=b"{}", headers={"Content-Type": kind}), 415, "not_json")


@pytest.mark.parametrize("path", ["/chat", "/personas"])
def test_a_body_too_large_is_refused(client: httpx2.Client, path: str) -> None:
    json_kind = {"Content-Type": "application/json"}
    large = b'"' + b"x" * 3_000_000
    problem_of(client.post(path, content=large, headers=json_kind), 413, "body_too_large")

    def pieces() -> Iterator[bytes]:
        yield from (large[at : at + 60_000] for at in range(0, len(large), 60_000))

    problem_of(client.post(path, content=pieces(), headers=json_kind), 413, "body_too_large")


def test_what_nobody_foresaw_shows_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(type(services.personas), "all", fail)
    with served(services) as client:
        response = client.get("/personas")
    problem_of(response, 500, "internal_error")
    assert "inner secret" not in response.text


def test_every_answer_is_neither_sniffed_nor_stored(client: httpx2.Client) -> None:
    for path in ("/health", "/personas", "/nothing"):
        response = client.get(path)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "no-store" in response.headers["cache-control"]


def test_a_request_line_full_of_nonsense_is_survived(client: httpx2.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
        raw.sendall(b"GET /api/personas HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert b" 4" in raw.recv(200).split(b"\r\n")[0]
    assert client.get("/health").status_code == 200


def test_no_answer_holds_a_key(client: httpx2.Client, guarded: httpx2.Client) -> None:
    for path in ("/health", "/openapi.json", "/docs", "/personas", "/personas/schema"):
        for asked in (client, guarded):
            text = asked.get(path).text
            assert "sk-test-key" not in text
            assert TOKEN not in text


def test_the_docs_need_nothing_from_elsewhere(client: httpx2.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert client.get("/", follow_redirects=True).text == page.text


def test_the_description_knows_where_it_is_served(client: httpx2.Client) -> None:
    described = client.get("/openapi.json").json()
    assert described["servers"] == [{"url": "/api"}]
    assert described["openapi"].startswith("3.1")
    assert {"/chat", "/chat/{messageId}/stop", "/chat/{messageId}/events", "/personas", "/health"} <= set(
        described["paths"]
    )
