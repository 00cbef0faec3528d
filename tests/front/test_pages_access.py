"""The real pages over their WebSocket: who opens them, and who is the local owner."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.fake_provider import FakeProvider
from tests.front.visiting import SECONDS, SERVE, Server, get, open_page, standing
from tests.loopback_only.sitecustomize import own_addresses

TOKEN = "a-token-of-many-letters"
ALLOWED = "chat.example.com"
NO_QUESTIONS = """
from streamlit import net_util

def ask(*_, **__):
    raise SystemExit("Streamlit asked a server on the internet")

net_util._make_blocking_http_get = ask
"""
"""Ends the server where Streamlit would ask for this machine's address."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Listens on loopback alone, with tokens and an allowed name."""
    with (
        FakeProvider() as fake,
        standing(
            tmp_path_factory.mktemp("alone"),
            fake,
            code=NO_QUESTIONS + SERVE,
            PERSONACHAT_API_TOKENS=TOKEN,
            PERSONACHAT_ALLOWED_HOSTS=ALLOWED,
        ) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Listens everywhere."""
    with (
        FakeProvider() as fake,
        standing(
            tmp_path_factory.mktemp("public"),
            fake,
            host="0.0.0.0",
            code=NO_QUESTIONS + SERVE,
            PERSONACHAT_PUBLIC="yes",
        ) as server,
    ):
        yield server


@contextmanager
def forwarded(to: int) -> Iterator[int]:
    """A TCP forwarder, which adds no header to anything; its port."""
    ends: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", to))
                ends.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_browser_at_this_machine_is_the_local_owner(alone: Server, public: Server, name: str) -> None:
    for server in (alone, public):
        host = f"{name}:{server.port}"
        assert open_page(server.port, host=host, origin=f"http://{host}").is_local_owner


def test_a_page_at_another_local_port_gets_nothing(alone: Server, public: Server) -> None:
    for server in (alone, public):
        for origin in ("http://localhost:9999", "http://127.0.0.1:9999", f"http://localhost:{server.port}"):
            seen = open_page(server.port, origin=origin)
            assert seen.status == 403
            assert not seen.is_local_owner


def test_a_rebinding_name_gets_nothing(alone: Server, public: Server) -> None:
    host = f"evil.example:{alone.port}"
    assert open_page(alone.port, host=host, origin=f"http://{host}").status == 421
    assert get(alone.port, "/", host=host) == 421
    assert get(alone.port, "/_stcore/health", host=host) == 421
    refusals = [line for line in alone.log.read_text().splitlines() if "Refused: " in line and host in line]
    with_time_and_level = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ WARNING personachat\.front\.guard: Refused: "
    assert refusals
    assert [line for line in refusals if not re.match(with_time_and_level, line)] == []
    host = f"evil.example:{public.port}"
    assert not open_page(public.port, host=host, origin=f"http://{host}").is_local_owner


def test_foreign_origins_never_make_streamlit_ask_the_internet(alone: Server) -> None:
    for number in range(10):
        assert open_page(alone.port, origin=f"https://evil-{number}.example").status == 403
    assert alone.process.poll() is None
    assert open_page(alone.port, origin=alone.url).is_local_owner


@pytest.mark.parametrize("way", ["passes the name", "hides the name"])
def test_an_allowed_name_opens_the_pages_and_makes_nobody_local(alone: Server, way: str) -> None:
    host = ALLOWED if way == "passes the name" else None
    seen = open_page(alone.port, host=host, origin=f"https://{ALLOWED}")
    assert seen.opened
    assert not seen.is_local_owner


@pytest.mark.parametrize(
    "origin", ["http://box.lan:{port}", "https://chat.example.com", "http://localhost:8080"]
)
def test_a_server_for_others_opens_under_any_name(public: Server, origin: str) -> None:
    origin = origin.format(port=public.port)
    seen = open_page(public.port, host=origin.partition("//")[2], origin=origin)
    assert seen.opened


def test_whoever_a_proxy_speaks_for_is_not_local(public: Server) -> None:
    host = f"localhost:{public.port}"
    for header in ({"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 x"}, {"X-Forwarded-Proto": "http"}):
        seen = open_page(public.port, host=host, origin=f"http://{host}", headers=header)
        assert seen.opened
        assert not seen.is_local_owner


def test_a_program_that_is_no_browser_is_not_the_local_owner(alone: Server) -> None:
    assert not open_page(alone.port, origin=None).is_local_owner


def test_a_tcp_forwarder_opens_neither_api_nor_the_local_owners_pages(alone: Server) -> None:
    with forwarded(alone.port) as port:
        for path in ("/api/personas", "/api/conversations", "/v1/models"):
            for host in (None, f"localhost:{alone.port}", f"127.0.0.1:{alone.port}", "evil.example"):
                assert get(port, path, host=host) == 401
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert get(port, "/api/personas", host="evil.example", headers=right) == 200
        outside = f"box.lan:{port}"
        assert open_page(port, host=outside, origin=f"http://{outside}").status == 421


def test_from_another_address_nobody_is_local(public: Server) -> None:
    address = other_address()
    host = f"localhost:{public.port}"
    url = f"http://{address}:{public.port}"
    assert httpx2.get(f"{url}/api/personas", headers={"Host": host}, timeout=SECONDS).status_code == 403
    seen = open_page(public.port, host=host, origin=f"http://{host}", at=address)
    assert seen.opened
    assert not seen.is_local_owner


def other_address() -> str:
    """An address of this machine that is not loopback."""
    if addresses := own_addresses():
        return min(addresses)
    pytest.skip("this machine has no address but loopback")


def test_metrics_are_closed(alone: Server) -> None:
    assert get(alone.port, "/_stcore/metrics") == 404


def test_streamlits_own_list_of_hosts_keeps_localhost(tmp_path: Path, fake: FakeProvider) -> None:
    config = tmp_path / ".streamlit" / "config.toml"
    config.parent.mkdir()
    config.write_text(f'[server]\nallowedHosts = ["{ALLOWED}"]\n', "utf-8")
    with standing(tmp_path, fake) as server:
        assert open_page(server.port, origin=server.url).is_local_owner
        assert open_page(server.port, host=ALLOWED, origin=f"https://{ALLOWED}").opened
        assert open_page(server.port, origin=f"https://{ALLOWED}").opened


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Only browsers on this machine have access"),
        ({"PERSONACHAT_API_TOKENS": TOKEN}, "The API requires one of PERSONACHAT_API_TOKENS"),
    ],
)
def test_the_start_says_who_can_do_what(
    tmp_path: Path, fake: FakeProvider, settings: dict[str, str], said: str
) -> None:
    with standing(tmp_path, fake, PERSONACHAT_DEFALT_MODEL="not-to-be-shown", **settings) as server:
        log = server.log.read_text()
    assert said in log
    assert log.count("PERSONACHAT_DEFALT_MODEL is not a setting") == 1
    assert "not-to-be-shown" not in log


def test_a_server_for_others_says_what_visitors_can_do(public: Server) -> None:
    assert "can chat at your expense, but not change the shared personas" in public.log.read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/personas",
        "/history",
        "/shared?share=x",
        "/received",
        "/nothing",
        "/healthz",
        "/_stcore/health",
        "/_stcore/host-config",
        "/_stcore/stream",
        "/_stcore/upload_file/a/b",
        "/media/x.png",
        "/component/x/y",
    ],
)
def test_a_wrong_method_is_405_on_the_pages_too(public: Server, path: str) -> None:
    got = httpx2.get(f"{public.url}{path}", timeout=SECONDS)
    assert httpx2.head(f"{public.url}{path}", timeout=SECONDS).status_code == got.status_code < 500
    for method in ("POST", "PATCH", "TRACE", "PROPFIND"):
        answer = httpx2.request(method, f"{public.url}{path}", timeout=SECONDS)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD"), method


def test_where_the_operator_trusts_nobody_at_the_machine_no_bytes_make_a_local_owner(
    tmp_path: Path, fake: FakeProvider
) -> None:
    """As a program behind a forwarder sends them."""
    with standing(tmp_path, fake, PERSONACHAT_API_TOKENS=TOKEN, PERSONACHAT_TRUST_LOOPBACK="no") as server:
        for name in ("localhost", "127.0.0.1"):
            host = f"{name}:{server.port}"
            seen = open_page(server.port, origin=f"http://{host}", host=host)
            assert seen.opened
            assert not seen.is_local_owner
