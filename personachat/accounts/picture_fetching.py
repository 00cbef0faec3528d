"""Downloads a picture from an untrusted address: over HTTPS, from public addresses, with limits.

The name is looked up once, and the connection goes to the checked address, so that no second answer can lead
into the local network. A redirect is checked like a first address. Nothing is sent that identifies the
person.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

from personachat.errors import PictureRefused

MOST_BYTES = 2 * 1024 * 1024
MOST_ADDRESS_CHARACTERS = 2_048
MOST_REDIRECTS = 2
SECONDS = 10.0
"""Seconds from the first byte sent to the last one read, for each address."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CARRIES_IPV4 = tuple(ipaddress.ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))
"""IPv6 networks that lead to an IPv4 address, which may be in the local network."""

_HEADERS = {"Accept": "image/png, image/jpeg, image/webp", "User-Agent": "PersonaChat", "Connection": "close"}


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet."""
    try:
        parsed_address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed_address, ipaddress.IPv6Address):
        if parsed_address.ipv4_mapped:
            return is_public(str(parsed_address.ipv4_mapped))
        if parsed_address.teredo or any(parsed_address in network for network in _CARRIES_IPV4):
            return False
    return parsed_address.is_global and not (parsed_address.is_multicast or parsed_address.is_reserved)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where downloads are allowed."""

    allows: Callable[[str], bool] = is_public
    ports: frozenset[int] = frozenset({443})
    context: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context)


PUBLIC = Reach()


def fetch_picture(url: str, *, reach: Reach = PUBLIC) -> bytes:
    """The content at an address, which may not be a picture. Raises PictureRefused."""
    for _ in range(MOST_REDIRECTS + 1):
        try:
            content = _content_or_redirect(_judged(url, reach), reach)
            if isinstance(content, bytes):
                return content
            url = urljoin(url, content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PictureRefused(f"The picture can't be fetched ({type(error).__name__}).") from None
    raise PictureRefused("The picture's address redirects too often.")


def _judged(url: str, reach: Reach) -> SplitResult:
    """Raises PictureRefused, ValueError."""
    parts = urlsplit(url)
    if len(url) > MOST_ADDRESS_CHARACTERS or parts.scheme != "https" or not parts.hostname:
        raise PictureRefused("A picture's address must begin with https:// and not be too long.")
    if parts.username is not None or parts.password is not None or (parts.port or 443) not in reach.ports:
        raise PictureRefused("A picture's address can't contain a user or a port.")
    return parts


def _address(host: str, port: int, reach: Reach) -> str:
    """The IP address to use, if all that the name has are allowed. Raises PictureRefused, OSError."""
    addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not addresses or not all(map(reach.allows, addresses)):
        raise PictureRefused("The picture's address leads to a private network.")
    return addresses[0]


def _content_or_redirect(parts: SplitResult, reach: Reach) -> bytes | str:
    """The content, or where it redirects to."""
    host, port = str(parts.hostname).encode("idna").decode(), parts.port or 443
    with (
        socket.create_connection((_address(host, port, reach), port), timeout=SECONDS) as plain,
        plain.dup() as same,
    ):
        late = threading.Event()
        cut = threading.Timer(SECONDS, _end, (same, late))
        cut.daemon = True
        cut.start()
        try:
            with reach.context().wrap_socket(plain, server_hostname=host) as secured:
                answer = _answer(secured, parts, host=host, port=port)
        finally:
            cut.cancel()
    if late.is_set():  # what arrived until then looks complete
        raise PictureRefused("The picture took too long to load.")
    return answer


def _answer(secured: ssl.SSLSocket, parts: SplitResult, *, host: str, port: int) -> bytes | str:
    connection = http.client.HTTPSConnection(host, port)
    connection.sock = secured
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connection.request("GET", path, headers=_HEADERS)
    with connection.getresponse() as response:
        if response.status in _REDIRECTS and (leads_to := response.headers.get("Location")):
            return leads_to
        if response.status != http.client.OK:
            raise PictureRefused("There is no picture at that address.")
        content = response.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES or response.length:
            raise PictureRefused("The picture is too large or incomplete.")
        return content


def _end(connection: socket.socket, late: threading.Event) -> None:
    """Whoever waits for it gets nothing more."""
    late.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
