"""No test reaches another machine: what tries is refused, however it connects, and the test is told."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import uvloop

from tests.network_guard import GUARD, guarded, refused_hosts

NOBODY = "192.0.2.1"  # an address that is kept for documents
REFUSED = "tests reach no other machine"


def look_up(host: str) -> None:
    socket.getaddrinfo(host, 80)


def connect(host: str) -> None:
    with socket.socket() as plain:
        plain.settimeout(1)
        plain.connect((host, 80))


def send_a_datagram(host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.sendto(b"x", (host, 80))


def connect_in(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[str], None]:
    async def connected(host: str) -> None:
        await asyncio.wait_for(asyncio.get_running_loop().create_connection(asyncio.Protocol, host, 80), 1)

    def run(host: str) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(connected(host))

    return run


WAYS = {
    "look up": look_up,
    "connect": connect,
    "datagram": send_a_datagram,
    "asyncio": connect_in(asyncio.new_event_loop),
    "uvloop": connect_in(uvloop.new_event_loop),
}


NAMES = ("example.org", "127.example.org", "localhost.example.org", "2001:db8::1", "::ffff:192.0.2.1")
CASES = [
    *((way, NOBODY) for way in WAYS),
    *((way, name) for way in ("look up", "asyncio", "uvloop") for name in NAMES),
]


@pytest.mark.parametrize(("way", "host"), CASES)
def test_another_machine_is_refused_and_noted(way: str, host: str) -> None:
    with pytest.raises(OSError, match=REFUSED):
        WAYS[way](host)
    assert refused_hosts() == [host]
    assert refused_hosts() == []


def test_what_the_code_under_test_hides_is_noted_all_the_same() -> None:
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{NOBODY}/", timeout=1)
    assert refused_hosts() == [NOBODY]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::ffff:127.0.0.1"])
def test_this_machine_is_reached(host: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        socket.create_connection((host, listening.getsockname()[1]), timeout=10).close()


def test_a_socket_that_is_a_file_is_reached(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as caller:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        caller.connect(str(tmp_path / "s"))


@pytest.mark.parametrize("environment", [os.environ, {"PATH": os.environ["PATH"], **guarded()}])
def test_processes_that_a_test_starts_are_guarded_too(environment: dict[str, str]) -> None:
    program = f"import socket; socket.create_connection(({NOBODY!r}, 80), timeout=1)"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert REFUSED in ended.stderr
    assert refused_hosts() == [NOBODY]


def test_what_a_process_has_on_its_path_besides_stays_there() -> None:
    assert guarded("a", Path("b"))["PYTHONPATH"].split(os.pathsep) == [str(GUARD), "a", "b"]
