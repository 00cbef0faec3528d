"""Keeps this process from reaching another machine. Python imports it as it starts, if PYTHONPATH has it.

That is how the tests' subprocesses are guarded too. An attempt is refused, and written down in the file that
TESTS_REFUSED_HOSTS names: a test must not pass because the code under test has dealt with the refusal.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

REFUSED_HOSTS = "TESTS_REFUSED_HOSTS"
_THIS_MACHINE = ("localhost", "::1", "", "0.0.0.0", "::")  # a server that listens to all is reached here
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")
_ADDRESS_OF_INTERFACE = 0x8915  # SIOCGIFADDR, see netdevice(7)
_SENDINGS = ("socket.connect", "socket.sendto", "socket.sendmsg")


class HostRefused(OSError):
    """A test tried to reach another machine."""


def refuse_other_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: it sees what Python's sockets are about to do, whoever asks."""
    if not event.startswith("socket."):
        return
    if event in _LOOKUPS:
        check(arguments[0])
    elif event in _SENDINGS and isinstance(arguments[1], tuple):  # other kinds of addresses are files
        check(arguments[1][0])
    _guard_uvloop()


def check(host: object) -> None:
    """Raise HostRefused for the name or the address of another machine."""
    name = host.decode(errors="replace") if isinstance(host, bytes | bytearray) else str(host or "")
    address = name.removeprefix("::ffff:")
    if name in _THIS_MACHINE or _is_loopback(address) or address in own_addresses():
        return
    if file := os.environ.get(REFUSED_HOSTS):
        with open(file, "a", encoding="utf-8") as written:  # noqa: PTH123  # pathlib would slow every start
            written.write(f"{name}\n")
    raise HostRefused(f"tests reach no other machine, and this is one: {name}")


def own_addresses() -> frozenset[str]:
    """The IPv4 addresses of this machine but loopback's: what is sent to them never leaves it."""
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(probe.fileno(), _ADDRESS_OF_INTERFACE, request)
                found.add(socket.inet_ntoa(answer[20:24]))
    return frozenset(each for each in found if not _is_loopback(each))


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") and address.replace(".", "").isdigit()


def _guard_uvloop() -> None:
    """Its connections are made in C, where no hook sees them; it is there before they are."""
    loop = getattr(sys.modules.get("uvloop"), "Loop", None)
    if loop is None or "getaddrinfo" in vars(loop):
        return
    connect, look_up = loop.create_connection, loop.getaddrinfo

    async def create_connection(self: Any, factory: Any, host: Any = None, *args: Any, **options: Any) -> Any:
        check(host)
        return await connect(self, factory, host, *args, **options)

    async def getaddrinfo(self: Any, host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return await look_up(self, host, *args, **options)

    loop.create_connection, loop.getaddrinfo = create_connection, getaddrinfo


sys.addaudithook(refuse_other_hosts)
