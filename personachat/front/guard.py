"""The guard in front of the pages and their WebSocket: checks Host and Origin before Streamlit sees them.

Where the server listens on loopback alone, only loopback names and those that the operator allows are served:
a page elsewhere can give its own name our address (DNS rebinding). Where it listens to more, any name is. In
both cases a page may only come from the very origin it is served at, or from one that the operator allows; a
proxy that ends TLS or renames the host may say which. Streamlit would ask a server on the internet about any
other origin, and hold up everybody while it waits. What Streamlit offers besides and nobody needs is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from personachat.access import (
    HostAndPort,
    RequestOrigin,
    is_allowed,
    is_loopback,
    is_loopback_name,
    listens_on_loopback_alone,
    origin_of,
    place_of,
    same_origin,
)
from personachat.front.listening import came_in_on_loopback, server_of

log = logging.getLogger(__name__)

CLOSED = ("/_stcore/metrics", "/_stcore/agent")
"""Figures about every session; and a way to drive the pages that has no browser and so no owner."""

LOGOUT = "/auth/logout"
"""Streamlit's: whoever goes there is logged out."""

MOST_LOGGED = 100

_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
_TLS_SCHEMES = {"https", "wss"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class RefusedVisit:
    """What the one who asks is told; `reason` is for the log."""

    status: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request or connection. `forwarded` is where the proxy in front was asked, if it is trusted."""

    origin: RequestOrigin
    loopback_only: bool
    is_tls: bool = False
    forwarded: tuple[HostAndPort, ...] = ()
    allowed: Collection[str] = field(default=())


class Guard:
    """The ASGI middleware. `allowed_hosts` is asked for every request; `started` is told of the server."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Callable[[], Collection[str]],
        started: Callable[[Config], object] = lambda _: None,
    ) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._started = started
        self._loopback_only: bool | None = None
        self._logged: set[tuple[str, str | None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._meet(server_of(receive))
            await self._app(scope, receive, send)
            return
        if _is_closed(scope["path"]):
            await _refuse(
                scope, receive, send, RefusedVisit(404, "closed", ("There is nothing at this address."))
            )
            return
        visit = self._visit(scope)
        refusal = judged(visit) or _logged_out_by_another(scope)
        if refusal:
            self._log(visit.origin, refusal)
            await _refuse(scope, receive, send, refusal)
            return
        await self._app(_as_streamlit_wants(scope, visit.origin), receive, send)

    def _meet(self, server: Config | None) -> None:
        if server is None:
            return
        unknown = server.fd is not None or server.uds is not None
        self._loopback_only = None if unknown else listens_on_loopback_alone(server.host)
        self._started(server)

    def _visit(self, scope: Scope) -> Visit:
        headers = Headers(scope=scope)
        client, server = ((scope.get(end) or (None,))[0] for end in ("client", "server"))
        loopback_only = self._loopback_only
        if loopback_only is None:
            loopback_only = came_in_on_loopback(scope)
        return Visit(
            RequestOrigin.by(headers.items(), client=client, server=server),
            loopback_only=loopback_only,
            is_tls=scope["scheme"] in _TLS_SCHEMES,
            forwarded=tuple(_forwarded(headers)) if _by_trusted_proxy(scope) else (),
            allowed=self._allowed_hosts(),
        )

    def _log(self, origin: RequestOrigin, refusal: RefusedVisit) -> None:
        about = (origin.host[:200], origin.origin and origin.origin[:200])
        if about not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(about)
            log.warning("Refused: %s. Host %r, Origin %r", refusal.reason, *about)


def judged(visit: Visit) -> RefusedVisit | None:
    """None for a visit that may go on to the pages."""
    request_origin = visit.origin
    place = place_of(request_origin.host)
    if place is None:
        return RefusedVisit(400, "no one Host", "A request must name exactly one host.")
    if visit.loopback_only and not _is_served(place, visit.allowed):
        return _name_refused(place)
    if request_origin.origin is None or _is_own_origin(visit, place):
        return None
    return _origin_refused()


def _is_served(place: HostAndPort, allowed: Collection[str]) -> bool:
    return is_loopback_name(place.name) or is_allowed(place, allowed)


def _is_own_origin(visit: Visit, place: HostAndPort) -> bool:
    page = origin_of(visit.origin.origin or "")
    if page is None:
        return False
    scheme, seen = page
    if visit.is_tls and scheme == "http":
        return False  # whoever sits on the line could have sent that page
    own = [
        place,
        *(one for one in visit.forwarded if not visit.loopback_only or _is_served(one, visit.allowed)),
    ]
    if any(seen == HostAndPort(one.name, one.port or _DEFAULT_PORTS[scheme]) for one in own):
        return True
    # A forwarder that calls us by a name of its own hides by which one it was asked.
    return is_loopback_name(place.name) and _is_allowed_origin(scheme, seen, visit.allowed)


def _is_allowed_origin(scheme: str, seen: HostAndPort, allowed: Collection[str]) -> bool:
    """A name stands for itself at its usual port; a pattern would let in pages of others."""
    named = [one for one in map(place_of, allowed) if one is not None and "*" not in one.name]
    return any(seen == HostAndPort(one.name, one.port or _DEFAULT_PORTS[scheme]) for one in named)


def _by_trusted_proxy(scope: Scope) -> bool:
    """Whether what the connection says of other hosts counts.

    uvicorn believes the addresses in FORWARDED_ALLOW_IPS (by default loopback), and puts the client that they
    name in the place of their own, with a port of 0, which no connection has.
    """
    client = scope.get("client")
    return client is not None and (client[1] == 0 or is_loopback(client[0]))


def _forwarded(headers: Headers) -> Iterator[HostAndPort]:
    """Where the outermost proxy was asked, in the words of the one next to us."""
    place = place_of(headers.get("x-forwarded-host", "").partition(",")[0].strip())
    port = headers.get("x-forwarded-port", "").partition(",")[0].strip()
    if place is None:
        place = place_of(headers.get("host", ""))
        if place is None or not port:
            return
        place = HostAndPort(place.name)
    yield place
    if place.port is None and port.isdecimal() and 0 < int(port[:6]) < 65_536:
        yield HostAndPort(place.name, int(port))


def _as_streamlit_wants(scope: Scope, request_origin: RequestOrigin) -> Scope:
    """The scope with the page's own host, where a proxy named another one.

    Streamlit lets pass only an origin that reads like the host. What was renamed was forwarded: it says so.
    """
    origin = request_origin.origin
    if scope["type"] != "websocket" or origin is None:
        return scope
    host = origin.partition("://")[2]
    if host == request_origin.host:
        return scope
    headers = [header for header in scope["headers"] if header[0] != b"host"]
    headers.append((b"host", host.encode("latin-1")))
    if not same_origin(origin, request_origin.host):
        headers.append((b"x-forwarded-host", host.encode("latin-1")))
    return {**scope, "headers": headers}


def _is_closed(path: str) -> bool:
    bare_path = path.rstrip("/")
    return any(bare_path.endswith(closed) or f"{closed}/" in bare_path for closed in CLOSED)


def _logged_out_by_another(scope: Scope) -> RefusedVisit | None:
    """A page of another site can't end somebody's login: browsers say which site a request comes from."""
    if not scope["path"].rstrip("/").endswith(LOGOUT):
        return None
    if Headers(scope=scope).get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return None
    return RefusedVisit(
        403, "a page of another site asked for the logout", "You were sent here by another site to log out.\n"
    )


def _name_refused(place: HostAndPort) -> RefusedVisit:
    return RefusedVisit(
        421,
        "the server listens on loopback alone, and this name is not in PERSONACHAT_ALLOWED_HOSTS",
        "PersonaChat is not served under this name.\n\n"
        "On the machine it runs on, open it as http://localhost and its port. If you run it behind a proxy "
        f"or a port forwarding, start it with PERSONACHAT_ALLOWED_HOSTS={place.name}\n",
    )


def _origin_refused() -> RefusedVisit:
    return RefusedVisit(
        403,
        "a page of another origin; a proxy has to pass on Host and port, or the name has to be in "
        "PERSONACHAT_ALLOWED_HOSTS",
        (
            "Pages from other origins can't open PersonaChat.\n\nIf you run it behind a proxy, the proxy "
            "must pass on the host and port that the browser requests. docs/operations.md shows how.\n"
        ),
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: RefusedVisit) -> None:
    response = PlainTextResponse(refusal.text, refusal.status, _HEADERS)
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
