"""A proxy in front of a server on this machine, which says whom a request comes from, as proxies do.

A browser's own extra headers don't do: Chromium sends them with requests, but not when a WebSocket opens.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from urllib.parse import urlsplit

from tests.e2e.conftest import AppServer

_SOME = 65_536
_END = b"\r\n\r\n"


@contextmanager
def behind_proxy(server: AppServer, client: str) -> Iterator[AppServer]:
    """The server as a browser at the address `client` reaches it."""
    target = urlsplit(server.url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = (str(target.hostname), int(target.port or 80))
        threading.Thread(target=_serve, args=(listening, there, client), daemon=True).start()
        yield replace(server, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, target: tuple[str, int], client: str) -> None:
    with suppress(OSError):  # it is shut down
        while True:
            browser, _ = listening.accept()
            threading.Thread(target=_carry, args=(browser, target, client), daemon=True).start()


def _carry(browser: socket.socket, target: tuple[str, int], client: str) -> None:
    """One request and its answer, or all of a WebSocket."""
    with browser, suppress(OSError), socket.create_connection(target) as server:
        received = b""
        while _END not in received:
            some = browser.recv(_SOME)
            if not some:
                return
            received += some
        head, _, body = received.partition(_END)
        lines = head.split(b"\r\n")
        if not any(line.lower().startswith(b"upgrade:") for line in lines):
            lines = [line for line in lines if not line.lower().startswith(b"connection:")]
            lines.append(b"Connection: close")
        lines.append(b"X-Forwarded-For: " + client.encode())
        server.sendall(b"\r\n".join(lines) + _END + body)
        back = threading.Thread(target=_pass_on, args=(server, browser), daemon=True)
        back.start()
        _pass_on(browser, server)
        back.join()


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):  # either side may leave at any time
        while some := source.recv(_SOME):
            to.sendall(some)
        to.shutdown(socket.SHUT_WR)
