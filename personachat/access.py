"""Where a request comes from: judged by both ends of the connection, its Host and its Origin.

Pages and API use the same rules. A request is local only if both ends are on loopback, its host name means
loopback, no proxy speaks for someone else, and no page of another origin sent it. A name that the operator
allows is served, but never counts as local. An origin is a scheme, a name and a port (RFC 6454). Browsers
leave out the scheme's default port.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[^\[\]:/@?#\\\s,]{1,253})(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class HostAndPort:
    """A name and a port, as in a Host header; None is the scheme's default port."""

    name: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """What a request or connection says about where it comes from. `host` is "" if that is ambiguous."""

    host: str = ""
    origin: str | None = None
    proxied: bool = False
    client: str | None = None
    server: str | None = None

    @classmethod
    def by(
        cls, headers: Iterable[tuple[str, str]], *, client: str | None = None, server: str | None = None
    ) -> RequestOrigin:
        """From raw headers. A Host or an Origin that is there twice is ignored."""
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(value)
        hosts, origins = values.get("host", []), values.get("origin", [])
        return cls(
            host=hosts[0] if len(hosts) == 1 else "",
            origin=(origins[0] if len(origins) == 1 else "null") if origins else None,
            proxied=any(name in _PROXY_HEADERS or name.startswith("x-forwarded") for name in values),
            client=client,
            server=server,
        )

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.client) and is_loopback(self.server)

    @property
    def by_loopback_name(self) -> bool:
        place = place_of(self.host)
        return place is not None and is_loopback_name(place.name)

    @property
    def from_another_origin(self) -> bool:
        """Whether a page of another site, or of another port, sends it."""
        return self.origin is not None and not same_origin(self.origin, self.host)

    @property
    def locally(self) -> bool:
        """Whether someone on this machine sends it, and nobody else through them."""
        return (
            self.on_loopback and self.by_loopback_name and not self.proxied and not self.from_another_origin
        )


def is_loopback(address: str | None) -> bool:
    """Whether an IP address is this machine's own."""
    try:
        parsed_address = ipaddress.ip_address(address) if address else None
    except ValueError:
        return False
    if isinstance(parsed_address, ipaddress.IPv6Address) and parsed_address.ipv4_mapped:
        return parsed_address.ipv4_mapped.is_loopback
    return parsed_address is not None and parsed_address.is_loopback


def is_in_networks(address: str | None, networks: Iterable[str]) -> bool:
    """Whether an IP address is one of these or in one of these networks."""
    try:
        parsed_address = ipaddress.ip_address(address) if address else None
    except ValueError:
        return False
    if isinstance(parsed_address, ipaddress.IPv6Address) and parsed_address.ipv4_mapped:
        parsed_address = parsed_address.ipv4_mapped
    if parsed_address is None:
        return False
    parsed_networks = (ipaddress.ip_network(network) for network in networks)
    return any(
        parsed_address.version == network.version and parsed_address in network for network in parsed_networks
    )


def is_loopback_name(name: str) -> bool:
    """Whether a host name can only mean this machine; DNS rebinding can't give a page such a name."""
    return name == "localhost" or is_loopback(name)


def listens_on_loopback_alone(host: str) -> bool | None:
    """Whether a server that listens there can only be reached from this machine; None if that is unknown."""
    if is_loopback_name(host.lower()):
        return True
    try:
        ipaddress.ip_address(host or "0.0.0.0")  # noqa: S104  # what an empty one means
    except ValueError:
        return None
    return False


def place_of(host: str) -> HostAndPort | None:
    """The lower-case name and port in a Host header; None if it isn't one."""
    match = _PLACE.fullmatch(host)
    if match is None:
        return None
    port = int(match.group(2)) if match.group(2) else None
    if port is not None and not 0 < port < 65_536:
        return None
    return HostAndPort(match.group(1).strip("[]").lower().removesuffix("."), port)


def origin_of(origin: str) -> tuple[str, HostAndPort] | None:
    """An Origin's scheme and its place, with the port spelled out; None if it isn't a page's."""
    scheme, separator, rest = origin.partition("://")
    place = place_of(rest)
    default = _DEFAULT_PORTS.get(scheme.lower())
    if not separator or default is None or place is None:
        return None
    return scheme.lower(), HostAndPort(place.name, place.port or default)


def same_origin(origin: str, host: str) -> bool:
    """Whether a page's origin is the server that a Host header names.

    Behind a proxy that ends TLS, only the origin knows the scheme, so it decides the default port.
    """
    page, place = origin_of(origin), place_of(host)
    if page is None or place is None:
        return False
    scheme, seen = page
    return seen == HostAndPort(place.name, place.port or _DEFAULT_PORTS[scheme])


def is_allowed(place: HostAndPort, allowed: Collection[str]) -> bool:
    """Whether a place matches names such as chat.example.com, *.example.com or chat.example.com:8443."""
    for pattern in allowed:
        pattern_place = place_of(pattern)
        if pattern_place is None or (pattern_place.port is not None and pattern_place.port != place.port):
            continue
        if pattern_place.name in {"*", place.name}:
            return True
        if pattern_place.name.startswith("*.") and place.name.endswith(pattern_place.name[1:]):
            return True
    return False
