"""Who may open the pages: every kind of address, name and origin, judged without a server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from personachat.access import listens_on_loopback_alone
from personachat.front.guard import Guard


class Pages:
    """Stands for Streamlit, and remembers what came through to it."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "websocket.accept"})

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.scopes[-1]["headers"]}


def visited(
    host: str | None,
    origin: str | None = None,
    *,
    kind: str = "websocket",
    path: str = "/_stcore/stream",
    loopback_only: bool | None = True,
    allowed: tuple[str, ...] = (),
    client: tuple[str, int] = ("127.0.0.1", 50_000),
    server: tuple[str, int] = ("127.0.0.1", 8501),
    tls: bool = False,
    headers: dict[str, str] | None = None,
) -> tuple[int, Pages, str]:
    """The status of a visit (200 where it got through), the pages, and what a refusal says."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": host, "origin": origin} | (headers or {})
    scheme = {"http": "http", "websocket": "ws"}[kind]
    scope = {
        "type": kind,
        "path": path,
        "scheme": scheme + ("s" if tls else ""),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value is not None],
        "client": client,
        "server": server,
        "extensions": {"websocket.http.response": {}},
    }
    pages = Pages()
    guard = Guard(pages, allowed_hosts=lambda: allowed)
    guard._loopback_only = loopback_only
    asyncio.run(guard(scope, receive, send))
    if pages.scopes:
        return 200, pages, ""
    return sent[0]["status"], pages, b"".join(each.get("body", b"") for each in sent).decode()


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host", ["localhost:8501", "localhost", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST:8501", "127.0.0.1:9"]
)
def test_on_loopback_its_own_names_open_the_pages(kind: str, host: str) -> None:
    for origin in (None, f"http://{host}"):
        assert visited(host, origin, kind=kind)[0] == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:8501", "evil.example", "localhost.evil.example:8501", "127.0.0.1.evil.example"),
        *("192.0.2.1:8501", "0.0.0.0:8501", "[::]:8501", "localhost@evil.example"),
    ],
)
def test_on_loopback_a_rebinding_name_opens_nothing(kind: str, host: str) -> None:
    status, _, said = visited(host, f"http://{host}", kind=kind)
    assert status in {400, 421}
    assert status == 400 or "PERSONACHAT_ALLOWED_HOSTS" in said


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", [None, "", "a b", "a/b", "a,b", "localhost:", "localhost:99999", "[::1"])
def test_a_host_that_is_none_opens_nothing(kind: str, host: str | None) -> None:
    for loopback_only in (True, False):
        assert visited(host, kind=kind, loopback_only=loopback_only)[0] == 400


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:9999", "http://localhost", "http://127.0.0.1:8501", "http://[::1]:8501"),
        *("https://evil.example", "http://localhost.evil.example:8501", "http://evil.example:8501"),
        *("null", "", "file://", "localhost:8501", "chrome-extension://abcdef", "http://localhost:8501/x"),
        *("http://x@localhost:8501", "http://localhost:8501 http://evil.example", "ws://localhost:8501"),
    ],
)
def test_a_page_of_another_origin_opens_nothing(kind: str, origin: str) -> None:
    for loopback_only in (True, False):
        status, _, said = visited("localhost:8501", origin, kind=kind, loopback_only=loopback_only)
        assert status == 403
        assert "proxy" in said


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("box.lan:8501", "http://box.lan:8501"),
        ("192.0.2.1:8501", "http://192.0.2.1:8501"),
        ("[2001:db8::1]:8501", "http://[2001:db8::1]:8501"),
        ("localhost:8080", "http://localhost:8080"),  # a container's mapped port
        ("chat.example.com", "https://chat.example.com"),  # TLS ends at a proxy that passes the name
        ("chat.example.com:443", "https://chat.example.com"),
        ("chat.example.com:80", "http://chat.example.com"),
        ("chat.example.com:8443", "https://chat.example.com:8443"),
        ("Chat.Example.com.", "https://chat.example.com"),
    ],
)
def test_a_server_for_others_is_opened_under_any_name_by_its_own_pages(host: str, origin: str) -> None:
    status, pages, _ = visited(host, origin, loopback_only=False)
    assert status == 200
    assert pages.headers["host"] == origin.partition("://")[2]  # so Streamlit compares them
    assert "x-forwarded-host" not in pages.headers


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("box.lan:8501", "http://box.lan:9999"),
        ("box.lan:8501", "http://box.lan"),
        ("box.lan", "http://box.lan:8080"),
        ("box.lan:8501", "http://other.lan:8501"),
        ("chat.example.com", "https://chat.example.com:8443"),
        ("chat.example.com:80", "https://chat.example.com"),
    ],
)
def test_its_name_at_another_port_is_another_origin(host: str, origin: str) -> None:
    assert visited(host, origin, loopback_only=False)[0] == 403
    assert visited(host, origin, allowed=("box.lan", "chat.example.com"))[0] == 403


def test_a_page_without_tls_may_not_speak_to_one_with_it() -> None:
    assert visited("chat.example.com", "http://chat.example.com", loopback_only=False, tls=True)[0] == 403
    assert visited("chat.example.com", "https://chat.example.com", loopback_only=False, tls=True)[0] == 200


@pytest.mark.parametrize("allowed", ["chat.example.com", "*.example.com", "chat.example.com:8443", "*"])
def test_a_name_that_is_allowed_is_served_on_loopback(allowed: str) -> None:
    place = "chat.example.com:8443"
    assert visited(place, f"https://{place}", allowed=(allowed,))[0] == 200
    assert visited(place, "https://evil.example", allowed=(allowed,))[0] == 403
    if allowed != "*":
        assert visited("evil.example", allowed=(allowed,))[0] == 421


@pytest.mark.parametrize("headers", [None, {"x-forwarded-for": "203.0.113.9"}])
def test_a_forwarder_that_hides_the_name_opens_the_allowed_one(headers: dict[str, str] | None) -> None:
    """As Codespaces does: the page is at a name of its own, and we are called localhost."""
    name = "wild-fog-8501.app.example.dev"
    status, pages, _ = visited("localhost:8501", f"https://{name}", allowed=(name,), headers=headers)
    assert status == 200
    assert pages.headers["host"] == name
    assert "x-forwarded-host" in pages.headers  # whoever was renamed is not local
    assert visited("localhost:8501", f"https://{name}:444", allowed=(name,))[0] == 403
    assert visited("localhost:8501", "https://other.app.example.dev", allowed=(name,))[0] == 403
    assert (
        visited("localhost:8501", "https://other.app.example.dev", allowed=("*.app.example.dev",))[0] == 403
    )


def test_a_local_page_that_is_allowed_is_marked_as_forwarded() -> None:
    status, pages, _ = visited("localhost:8501", "http://localhost:3000", allowed=("localhost:3000",))
    assert status == 200
    assert "x-forwarded-host" in pages.headers


@pytest.mark.parametrize(
    "forwarded",
    [
        {"x-forwarded-host": "chat.example.com"},
        {"x-forwarded-host": "chat.example.com, inner.example.com"},
        {"x-forwarded-host": "chat.example.com", "x-forwarded-port": "443"},
    ],
)
def test_a_trusted_proxy_says_where_it_was_asked(forwarded: dict[str, str]) -> None:
    page = "https://chat.example.com"
    for client in (("127.0.0.1", 50_000), ("203.0.113.9", 0)):
        told = visited("127.0.0.1:8501", page, allowed=("*.example.com",), headers=forwarded, client=client)
        assert told[0] == 200
        assert told[1].headers["host"] == "chat.example.com"
    assert visited("127.0.0.1:8501", page, headers=forwarded)[0] == 403  # nobody allowed the name
    stranger = ("203.0.113.9", 50_000)
    assert visited("10.0.0.1", page, headers=forwarded, client=stranger, loopback_only=False)[0] == 403


def test_a_trusted_proxy_says_at_which_port() -> None:
    for headers in (
        {"x-forwarded-port": "8443"},
        {"x-forwarded-host": "box.lan", "x-forwarded-port": "8443"},
    ):
        assert visited("box.lan", "https://box.lan:8443", headers=headers, loopback_only=False)[0] == 200
        assert visited("box.lan", "https://box.lan:9999", headers=headers, loopback_only=False)[0] == 403


def test_without_an_own_word_a_connection_says_how_it_came_in() -> None:
    unknown: dict[str, Any] = {"loopback_only": None}
    assert visited("evil.example", **unknown)[0] == 421
    assert visited("box.lan:8501", server=("192.0.2.1", 8501), client=("192.0.2.7", 1), **unknown)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/_stcore/metrics", "/_stcore/metrics/", "/base/_stcore/metrics"),
        *("/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_nobody_needs_is_closed(kind: str, path: str) -> None:
    assert visited("localhost:8501", kind=kind, path=path)[0] == 404


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        *(("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.0.0.53", True)),
        *(("0.0.0.0", False), ("::", False), ("", False), ("192.0.2.1", False), ("box.lan", None)),
    ],
)
def test_where_only_this_machine_reaches_it(host: str, *, alone: bool | None) -> None:
    assert listens_on_loopback_alone(host) is alone


@pytest.mark.parametrize("path", ["/auth/logout", "/chat/auth/logout/"])
@pytest.mark.parametrize(
    ("site", "status"),
    [(None, 200), ("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403), ("x", 403)],
)
def test_no_page_of_another_site_logs_anybody_out(path: str, site: str | None, status: int) -> None:
    headers = {} if site is None else {"sec-fetch-site": site}
    assert visited("localhost:8501", kind="http", path=path, headers=headers)[0] == status
    assert visited("localhost:8501", kind="http", path="/", headers=headers)[0] == 200
