"""Who may use the API: the gate every request under /api passes first.

On loopback, with no proxy in between, the API is open. From anywhere else a bearer token is needed, and
without one configured nothing is allowed. A foreign Host (DNS rebinding) or Origin (another site's page)
is refused wherever it comes from. Alive or not is for everyone to know, and the page of the docs is, too.
Whoever is let in has an owner, and sees nothing but what is theirs.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from personachat.api.errors import Refused, problem_of
from personachat.conversations.model import LOCAL_OWNER

MAX_BODY_BYTES = 2 * 1024 * 1024
"""A persona may have 1 MB and a message 200,000 characters; JSON escapes can double either."""

IMPORTS = {"/conversations/import": 50 * 1024 * 1024, "/personas/import": 20 * 1024 * 1024}
"""The paths whose bodies may be that large: they take back what an export of everything gave."""

FILE_PATHS = frozenset({"/personas/import"})
"""Whose body may be a file of any kind."""

PUBLIC_PATHS = frozenset({"/health", "/docs"})
"""What answers without a token: health says less then, and the docs are a page like any other."""

_OWNER = "personachat.owner"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip"})
_COMMON_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


def authorized(request: Request) -> bool:
    """Whether this caller may see more than that the server is alive."""
    return request.scope.get(_OWNER) is not None


def owner_of(request: Request) -> str:
    """Whose conversations an authorized caller works on: this machine's own, or those of a token."""
    owner = request.scope.get(_OWNER)
    assert isinstance(owner, str), "the gate lets nobody else in"
    return owner


class Gate:
    """The ASGI middleware. `tokens` is asked only where one is needed."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Callable[[], Sequence[str]],
        allowed_hosts: Callable[[], Collection[str]] = frozenset,
        refuse: Callable[[Refused], Response] = problem_of,
    ) -> None:
        self.app = app
        self._refuse = refuse
        self._tokens = tokens
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [header for header in _COMMON_HEADERS if header[0] not in present]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        headers = Headers(scope=scope)
        try:
            scope[_OWNER] = self._admit(scope, headers)
            at_most = IMPORTS.get(_path(scope), MAX_BODY_BYTES)
            _check_body(headers, at_most, any_kind=_path(scope) in FILE_PATHS)
        except Refused as refused:
            await self._refuse(refused)(scope, receive, send_with_headers)
            return
        await self.app(scope, _limited(receive, at_most), send_with_headers)

    def _admit(self, scope: Scope, headers: Headers) -> str | None:
        """The caller's owner; None where nothing but what is public may be seen. Raises Refused."""
        near = _is_near(scope, headers)
        token = None if near else self._token(headers, needed=_path(scope) not in PUBLIC_PATHS)
        if near and _hostname(headers) not in _LOCAL_NAMES | set(self._allowed_hosts()):
            raise Refused(
                421,
                "host_refused",
                "This server does not answer under that name.",
                hint="Call it as localhost or 127.0.0.1.",
            )
        origin = headers.get("origin")
        if origin is not None and not _same_origin(origin, headers.get("host", "")):
            raise Refused(403, "origin_refused", "Pages of other sites may not call this API.")
        return LOCAL_OWNER if near else token and _owner_with(token)

    def _token(self, headers: Headers, *, needed: bool) -> str | None:
        accepted = self._tokens()
        scheme, _, given = headers.get("authorization", "").partition(" ")
        given = given.strip()
        if scheme.lower() == "bearer" and given:
            # Every one is compared, so that the time says nothing about which came near.
            matches = [
                secrets.compare_digest(given.encode("utf-8", "replace"), one.encode()) for one in accepted
            ]
            if any(matches):
                return given
        if not needed:
            return None
        if not accepted:
            raise Refused(
                403,
                "tokens_not_configured",
                "From other machines the API needs a token, and PERSONACHAT_API_TOKENS is not set.",
                hint="Set it on the server and send one of its tokens as Authorization: Bearer.",
            )
        raise Refused(
            401,
            "token_refused" if given else "token_missing",
            "This token is not accepted." if given else "The API needs a token here.",
            hint="Send Authorization: Bearer with one of the tokens in PERSONACHAT_API_TOKENS.",
            headers={"WWW-Authenticate": 'Bearer realm="PersonaChat"'},
        )


def _owner_with(token: str) -> str:
    """Of the token only a hash is ever stored."""
    return f"token:{hashlib.sha256(token.encode()).hexdigest()[:32]}"


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_near(scope: Scope, headers: Headers) -> bool:
    """Whether both ends of the connection are loopback, and no proxy says it speaks for somebody else."""
    if any(name in _PROXY_HEADERS or name.startswith("x-forwarded") for name in headers):
        return False
    return all(_is_loopback(scope.get(end)) for end in ("client", "server"))


def _is_loopback(end: tuple[str, int] | None) -> bool:
    try:
        address = ipaddress.ip_address(end[0]) if end else None
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address is not None and address.is_loopback


def _hostname(headers: Headers) -> str:
    hosts = headers.getlist("host")
    try:
        return (urlsplit(f"//{hosts[0]}").hostname or "") if len(hosts) == 1 else ""
    except ValueError:
        return ""


def _same_origin(origin: str, host: str) -> bool:
    """Whether a page's origin is this server. Behind a proxy only it knows the scheme, so that may differ."""
    scheme, separator, place = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and bool(host) and place.lower() == host.lower()


def _check_body(headers: Headers, at_most: int, *, any_kind: bool) -> None:
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > at_most:
        raise Refused(413, "body_too_large", f"The body is bigger than {at_most // 1024:,} KB.")
    has_body = "transfer-encoding" in headers or length.strip("0")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and not any_kind and not re.fullmatch(r"application/(?:.+\+)?json", kind):
        raise Refused(
            415, "not_json", "The body has to be JSON.", hint="Send Content-Type: application/json with it."
        )


def _limited(receive: Receive, at_most: int) -> Receive:
    """Count what comes, for a body that does not say how long it is."""
    received = 0

    async def receive_counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > at_most:
            raise HTTPException(413)
        return message

    return receive_counted
