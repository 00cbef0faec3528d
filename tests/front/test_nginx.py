"""A real nginx in front, on the same machine, in four set-ups and under a path: what it opens to whom.

A bare `proxy_pass` calls us by our own name and tells nothing of the browser; one passes the Host on; one
with X-Forwarded-For says for whom it speaks; the last is that of docs/operations.md, with an allowed name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from personachat.settings import APP
from tests.fake_provider import FakeProvider
from tests.front.visiting import SECONDS, Server, free_port, get, open_page, standing, wait_until_healthy

TOKEN = "a-token-of-many-letters"
RIGHT, WRONG = ({"Authorization": f"Bearer {token}"} for token in (TOKEN, "a-token-that-was-guessed"))
NAME = "chat.example.com"
CALLS = ("/api/personas", "/api/conversations", "/v1/models")

WEBSOCKET = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"
)
HOST = "proxy_set_header Host $http_host;"
FORWARDED = (
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;proxy_set_header X-Forwarded-Proto $scheme;"
)


def documented() -> str:
    """What docs/operations.md says between the braces of its location, but for whom it asks."""
    text = (APP / "docs" / "operations.md").read_text("utf-8")
    found = re.search(r"^```nginx\n.*?location / \{\n(.*?)\n  \}", text, re.MULTILINE | re.DOTALL)
    assert found
    lines = [line.partition("#")[0].strip() for line in found[1].splitlines()]
    assert lines[0] == "proxy_pass http://127.0.0.1:8501;"
    return " ".join(lines[1:])


SETUPS = {
    "bare": WEBSOCKET,
    "host": WEBSOCKET + HOST,
    "forwarded": WEBSOCKET + HOST + FORWARDED,
    "allowed": documented(),
}
CONFIG = """
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {servers}
}}
"""
SERVER = (
    "server {{ listen 127.0.0.1:{port}; "
    "location {at} {{ proxy_pass http://127.0.0.1:{to}{slash}; {lines} }} }}"
)
BASE_PATH = "/personas-tool"
UNDER_A_PATH = {"kept": "", "stripped": "/"}
"""Whether nginx passes the path on; a slash behind the address is its way of leaving it out."""


@contextmanager
def nginx(folder: Path, to: int) -> Iterator[dict[str, int]]:
    """The port of each set-up. Where there is no nginx the test is skipped, but on CI it fails."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        reason = "no nginx is installed, so nothing can be seen through a real proxy"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    ports = {name: free_port() for name in (*SETUPS, *UNDER_A_PATH)}
    root = [SERVER.format(port=ports[name], to=to, lines=SETUPS[name], at="/", slash="") for name in SETUPS]
    below = [
        SERVER.format(port=ports[name], to=to, lines=documented(), at=f"{BASE_PATH}/", slash=slash)
        for name, slash in UNDER_A_PATH.items()
    ]
    servers = "\n".join(root + below)
    config, log = folder / "nginx.conf", folder / "error.log"
    config.write_text(CONFIG.format(folder=folder, servers=servers), "utf-8")
    process = subprocess.Popen([path, "-e", str(log), "-p", str(folder), "-c", str(config)])
    try:
        wait_until_healthy(f"http://127.0.0.1:{ports['bare']}/_stcore/health", process, log)
        yield ports
    finally:
        process.terminate()
        process.wait(SECONDS)


class Proxied:
    """A server, and nginx in front of it."""

    def __init__(self, server: Server, ports: dict[str, int]) -> None:
        self.server = server
        self.ports = ports


@contextmanager
def standing_behind_nginx(folder: Path, **settings: str) -> Iterator[Proxied]:
    with ExitStack() as stack:
        fake = stack.enter_context(FakeProvider())
        (folder / "app").mkdir()
        server = stack.enter_context(standing(folder / "app", fake, **settings))
        yield Proxied(server, stack.enter_context(nginx(folder, server.port)))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """With tokens, the name that is allowed, and a base path, in Streamlit's own variable."""
    folder = tmp_path_factory.mktemp("guarded")
    settings = {
        "PERSONACHAT_API_TOKENS": TOKEN,
        "PERSONACHAT_ALLOWED_HOSTS": NAME,
        "STREAMLIT_SERVER_BASE_URL_PATH": BASE_PATH,
    }
    with standing_behind_nginx(folder, **settings) as made:
        yield made


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """Nothing is configured."""
    with standing_behind_nginx(tmp_path_factory.mktemp("unguarded")) as made:
        yield made


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("path", CALLS)
def test_no_proxy_opens_an_api_that_has_tokens(guarded: Proxied, setup: str, path: str) -> None:
    port = guarded.ports[setup]
    for host in (None, NAME, "localhost", f"localhost:{guarded.server.port}", "127.0.0.1", "evil.example"):
        assert get(port, path, host=host) == 401
        assert get(port, path, host=host, headers=RIGHT) == 200
    assert get(port, path, host=NAME, headers=WRONG) == 401


@pytest.mark.parametrize("setup", SETUPS)
def test_mcp_wants_a_token_too(guarded: Proxied, setup: str) -> None:
    for headers, expected in (({}, {401}), (WRONG, {401, 429})):
        answer = httpx2.post(
            f"http://127.0.0.1:{guarded.ports[setup]}/mcp", json={}, headers=headers, timeout=SECONDS
        )
        assert answer.status_code in expected


@pytest.mark.parametrize("setup", ["host", "forwarded", "allowed"])
@pytest.mark.parametrize("path", CALLS)
def test_without_tokens_a_proxy_that_tells_anything_is_not_local(
    unguarded: Proxied, setup: str, path: str
) -> None:
    for host in (NAME, "evil.example"):
        assert get(unguarded.ports[setup], path, host=host) in {403, 421}
    if setup != "host":
        assert get(unguarded.ports[setup], path, host="localhost") == 403


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_browser_behind_a_proxy_is_the_local_owner(
    guarded: Proxied, unguarded: Proxied, setup: str, scheme: str
) -> None:
    for proxied in (guarded, unguarded):
        port = proxied.ports[setup]
        for name in (NAME, f"{NAME}:{port}", "evil.example", f"evil.example:{port}", f"192.0.2.1:{port}"):
            assert not open_page(port, host=name, origin=f"{scheme}://{name}").is_local_owner


@pytest.mark.parametrize("setup", ["forwarded", "allowed"])
def test_a_loopback_name_from_outside_makes_nobody_local(guarded: Proxied, setup: str) -> None:
    port = guarded.ports[setup]
    for host in ("localhost", f"localhost:{guarded.server.port}", f"127.0.0.1:{port}"):
        assert not open_page(port, host=host, origin=f"http://{host}").is_local_owner


@pytest.mark.parametrize("setup", SETUPS)
def test_a_page_of_another_site_opens_nothing_through_a_proxy(guarded: Proxied, setup: str) -> None:
    for origin in ("https://evil.example", "http://localhost:9999", f"http://{NAME}:9999"):
        assert open_page(guarded.ports[setup], host=NAME, origin=origin).status == 403


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_allowed_name_opens_the_pages_and_streams(guarded: Proxied, setup: str, scheme: str) -> None:
    """At the usual port of its scheme; nginx ends no TLS here, and so says http where the page says https."""
    port = guarded.ports[setup]
    assert get(port, "/", host=NAME) == 200
    assert open_page(port, host=NAME, origin=f"{scheme}://{NAME}").opened


@pytest.mark.parametrize("setup", ["host", "forwarded", "allowed"])
def test_a_proxy_that_passes_the_host_may_be_at_any_port(guarded: Proxied, setup: str) -> None:
    port = guarded.ports[setup]
    assert open_page(port, host=f"{NAME}:{port}", origin=f"http://{NAME}:{port}").opened


@pytest.mark.parametrize("setup", ["host", "forwarded", "allowed"])
def test_a_name_that_nobody_allowed_is_told_how(unguarded: Proxied, setup: str) -> None:
    answer = httpx2.get(
        f"http://127.0.0.1:{unguarded.ports[setup]}/", headers={"Host": NAME}, timeout=SECONDS
    )
    assert answer.status_code == 421
    assert f"PERSONACHAT_ALLOWED_HOSTS={NAME}" in answer.text


def test_a_reply_streams_through_the_set_up_of_the_readme(guarded: Proxied) -> None:
    url = f"http://127.0.0.1:{guarded.ports['allowed']}/api/chat"
    body = {"message": "Hi there", "personaId": "tester"}
    with httpx2.stream("POST", url, json=body, headers=RIGHT | {"Host": NAME}, timeout=SECONDS) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "[DONE]" in "".join(answer.iter_text())


@pytest.mark.parametrize("setup", UNDER_A_PATH)
def test_under_a_path_are_pages_and_api_whether_nginx_strips_it_or_not(guarded: Proxied, setup: str) -> None:
    port = guarded.ports[setup]
    named = {"Host": f"{NAME}:{port}"}
    here = f"http://127.0.0.1:{port}{BASE_PATH}"
    with httpx2.Client(headers=named | RIGHT, timeout=SECONDS) as client:
        for page in ("/", "/history"):
            answer = client.get(here + page)
            assert (answer.status_code, '<div id="root">' in answer.text) == (200, True)
        assert client.get(here + "/api/health").json()["personas"] == 1
        assert client.get(here + "/api/openapi.json").json()["servers"] == [{"url": f"{BASE_PATH}/api"}]
        assert client.get(here + "/v1/models").status_code == 200
        assert client.get(here + "/history/").headers["location"] == f"{BASE_PATH}/history"
        mcp = client.post(here + "/mcp", json={})
        assert (mcp.status_code, mcp.json()["jsonrpc"]) == (400, "2.0")
    origin = f"http://{NAME}:{port}"
    assert open_page(port, host=named["Host"] + BASE_PATH, origin=origin).opened


def test_the_terminal_names_the_address_with_its_path(guarded: Proxied) -> None:
    here = guarded.server.url + BASE_PATH
    assert f"PersonaChat is at {here}/, its API at {here}/api/docs." in guarded.server.log.read_text()
