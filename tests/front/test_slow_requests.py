"""Requests that do not arrive: closed in time, while those that do, and their answers, are left alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
import websockets.http11
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from personachat.front.guard import Guard
from personachat.front.slow_requests import MOST_HEAD_BYTES, TimedHttpProtocol, limit

PATIENCE = 60
SHORT = 0.2
MOST_MESSAGE_BYTES = 1_000_000


class App:
    """Reads the body and answers; at /wait it answers only when `go_on` is set, at /early before the body.

    A WebSocket echoes.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for answer in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
            return
        size = 0
        while scope["path"] != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            if not message["more_body"]:
                break
        headers = [(b"content-length", b"6")] if scope["path"] == "/kept" else [(b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/wait":
            import asyncio

            await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
            await asyncio.to_thread(self.go_on.wait, PATIENCE)
        await send({"type": "http.response.body", "body": b"read %d" % size})


@contextmanager
def serving(app: App) -> Iterator[int]:
    started = partial(limit, most_message_bytes=MOST_MESSAGE_BYTES)
    guarded = Guard(app, allowed_hosts=tuple, started=started)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(guarded, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            app.go_on.set()
            server.should_exit = True
            thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def port(app: App) -> Iterator[int]:
    with serving(app) as found:
        yield found


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimedHttpProtocol, "head_seconds", SHORT)
    monkeypatch.setattr(TimedHttpProtocol, "body_seconds", SHORT)


def all_of(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def until(connection: socket.socket, end: bytes) -> bytes:
    read = b""
    while not read.endswith(end) and (more := connection.recv(1024)):
        read += more
    return read


BEGINNINGS = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\n",
    "empty lines": b"\r\n\r\n",
    "no body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n",
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345",
    "half a piece": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "half an upgrade": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
@pytest.mark.usefixtures("hurried")
def test_what_was_only_begun_is_closed(port: int, beginning: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(beginning)
        answer = all_of(client)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer


@pytest.mark.usefixtures("hurried")
def test_a_drop_now_and_then_keeps_nothing_open(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        client.settimeout(SHORT / 8)
        for _ in range(int(PATIENCE / SHORT * 8)):
            try:
                answer = client.recv(100)
            except TimeoutError:
                client.sendall(b"x")
            else:
                assert answer.startswith(b"HTTP/1.1 408 ")
                return
    pytest.fail("the connection stayed open")


@pytest.mark.usefixtures("hurried")
def test_the_rest_after_an_early_answer_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1")
        assert all_of(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.usefixtures("hurried")
def test_an_answer_may_take_as_long_as_it_takes(app: App, port: int) -> None:
    slow = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as other,
    ):
        client.sendall(slow)
        first = client.recv(1_000)
        assert b" 200 " in first
        assert b" 408 " in all_of(other)  # more than the limit has passed
        app.go_on.set()
        assert b"read 0" in all_of(client)


def test_a_body_that_keeps_the_pace_may_take_longer(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimedHttpProtocol, "head_seconds", 10 * SHORT)  # the body is looked at only then
    monkeypatch.setattr(TimedHttpProtocol, "body_seconds", SHORT)
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000001\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client,
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as other,
    ):
        client.sendall(head + b"x" * 1_000_000)
        other.sendall(head)
        assert b" 408 " in all_of(other)
        client.sendall(b"x")
        assert b"read 1000001" in all_of(client)


def test_a_connection_serves_one_request_after_the_other(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
        assert b"read 3" in all_of(client)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("requests_before", [0, 1])
def test_a_websocket_outlives_the_time_that_a_request_may_take(port: int, requests_before: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        for _ in range(requests_before):
            client.sendall(b"GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"read 0" in until(client, b"read 0")
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as later:
            assert all_of(later).startswith(b"HTTP/1.1 408 ")
        client.sendall(b"\x81\x82\0\0\0\0hi")
        assert until(client, b"hi") == b"\x81\x02hi"


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize("more", [b"Cookie: a=" + b"b" * 40_000 + b"\r\n", b"X-A: b\r\n" * 500])
def test_a_browser_with_many_cookies_gets_its_websocket(port: int, more: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(UPGRADE + more + b"\r\n")
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


def test_an_upgrade_that_cannot_be_read_is_answered_and_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"GET /kept HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"read 0" in until(client, b"read 0")  # it has started
    monkeypatch.setattr(websockets.http11, "MAX_NUM_HEADERS", 2)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(UPGRADE + b"\r\n")
        assert all_of(client).startswith(b"HTTP/1.1 400 ")


def test_a_message_that_is_too_large_is_not_unpacked(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/", open_timeout=PATIENCE) as client:  # which compresses
        client.send("x" * (MOST_MESSAGE_BYTES - 1))
        assert len(client.recv(timeout=PATIENCE)) == MOST_MESSAGE_BYTES - 1
        client.send("x" * (MOST_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            client.recv(timeout=PATIENCE)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1009
    assert "exceeds limit" in closed.value.rcvd.reason


ENDLESS = {
    "a value": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 50_000),
    "a name": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"a" * 50_000),
    "headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: a\r\n" * 8_000),
    "a method": (b"", b"\r\n" * 25_000),
    "an upgrade": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: ",
        b"a" * 50_000,
    ),
    "what follows a body": (
        b"POST /wait HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: ",
        b"a" * 50_000,
    ),
}


@pytest.mark.parametrize(("beginning", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_what_has_no_end_is_not_read_to_the_end(port: int, beginning: bytes, piece: bytes) -> None:
    """Each piece would be copied again with all that came before, and everybody would wait for that."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client,
        pytest.raises(ConnectionError),
    ):
        client.sendall(beginning + piece * (200 * MOST_HEAD_BYTES // len(piece)))
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as other:
        other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"read 0" in all_of(other)


def test_a_head_that_is_too_large_is_told_so(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * MOST_HEAD_BYTES)
        answer = all_of(client)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"connection: close" in answer


def test_a_large_head_of_many_cookies_is_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        cookies = b"; ".join(b"c%d=%s" % (number, b"a" * 3_500) for number in range(15))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n" % cookies)
        assert b"read 0" in all_of(client)


def test_a_body_in_many_small_pieces_is_no_large_head(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n")
        assert b"read 50000" in all_of(client)
