"""Who may use the API: the gate that every request under /api, /v1 and /mcp passes first.

If tokens are configured, every call needs one, even over loopback, so that no forwarder on this machine opens
the API. PERSONACHAT_TRUST_LOOPBACK makes an exception for local callers. A token that is sent is always
checked, whatever name the server was called by. Without tokens only local callers get in;
`personachat.access` decides who they are. Pages of other origins are refused, unless the operator allows the
origin and they send a token. Tokens created here define who they act for, with which role and which personas.
Anyone may see whether the server is alive, and the page of the docs.

Every caller has an owner and sees only that owner's data. Every answer has an `X-Request-Id`, refusals
included.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from personachat.access import RequestOrigin
from personachat.accounts.admitted_tokens import AdmittedTokens
from personachat.accounts.identity import Identity, of_header
from personachat.accounts.person import Person
from personachat.accounts.proxies import trusted_user
from personachat.accounts.tokens import ApiToken, is_made_here
from personachat.api import cors
from personachat.api.errors import Refused, problem_of
from personachat.api.large_bodies import IncomingBody, Room
from personachat.api.wrong_tokens import WrongTokens
from personachat.errors import LoginNeeded, PersonaChatError
from personachat.owners import LOCAL_OWNER
from personachat.personas.formats import lore_files
from personachat.personas.formats.catalogue import MOST_ARCHIVE_BYTES
from personachat.personas.pictures.reading import MOST_BYTES as MOST_PICTURE_BYTES
from personachat.request_context import RequestContext, context_of, current_request
from personachat.settings import Settings

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Bytes. A persona may have 1 MB and a message 200,000 characters; JSON escapes can double either."""

IMPORTS = {"/conversations/import": 50 * 1024 * 1024, "/personas/import": MOST_ARCHIVE_BYTES + 1024 * 1024}
"""Paths whose bodies may be that large: they import what a full export wrote."""

FILE_PATHS = frozenset(IMPORTS)
"""Paths whose body may be a file of any kind."""

_LORE_PATH = re.compile(r"/personas/[^/]+/lore")
"""Path that imports a lore book, which may be a file of any kind."""

_PICTURE_PATH = re.compile(r"/personas/[^/]+/picture")
"""Path that takes a picture, as a body or a form."""

PUBLIC_PATHS = frozenset({"/health", "/ready", "/docs"})
"""Paths that need no token. Health says less without one, and the docs are a page like any other."""

_OWNER = "personachat.owner"
_PERSON = "personachat.person"
REQUEST = "personachat.request"
"""Where the scope has the RequestContext, for code that runs in another task, as MCP does."""
_COMMON_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


def authorized(request: Request) -> bool:
    """Whether this caller may see more than that the server is alive."""
    return request.scope.get(_OWNER) is not None


def owner_of(request: Request) -> str:
    """Whose conversations a caller works on: this machine's own, or a token's."""
    owner = request.scope.get(_OWNER)
    assert isinstance(owner, str), "the gate lets nobody else in"
    return owner


def person_of(request: Request) -> Person | None:
    """The person that a proxy names; None for a call with a token and for a local one."""
    person: Person | None = request.scope.get(_PERSON)
    return person


@dataclass(frozen=True, slots=True)
class _Admitted:
    """Who a call is from; an owner of None may only see what is public. `preflight` is a CORS preflight."""

    owner: str | None
    preflight: bool = False
    person: Person | None = None
    token_id: str = ""
    token: ApiToken | None = None
    """The token created here that the call came with, if any."""

    def account(self, context: RequestContext) -> RequestContext:
        """The request with what its token says about it."""
        if self.token is None:
            return replace(context, token_id=self.token_id) if self.token_id else context
        return replace(context, token_id=self.token.id, role=self.token.role, personas=self.token.personas)


def _most_bytes(scope: Scope, _settings: Settings) -> int:
    """The most bytes that the body of a request may have."""
    path = _path(scope)
    if _PICTURE_PATH.fullmatch(path):
        return MOST_PICTURE_BYTES + 64 * 1024  # a form adds some bytes
    return lore_files.MOST_FILE_BYTES if _LORE_PATH.fullmatch(path) else IMPORTS.get(path, MAX_BODY_BYTES)


def _takes_files(scope: Scope) -> bool:
    """Whether the body of a request may be a file of any kind."""
    path = _path(scope)
    return path in FILE_PATHS or any(each.fullmatch(path) for each in (_LORE_PATH, _PICTURE_PATH))


class Gate:
    """The ASGI middleware. It reads the settings for every request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Callable[[], Settings],
        refuse: Callable[[Refused], Response] = problem_of,
        wrong_tokens: WrongTokens | None = None,
        most_bytes: Callable[[Scope, Settings], int] = _most_bytes,
        admit: Callable[[Identity], Person] | None = None,
        tokens: Callable[[], AdmittedTokens] | None = None,
    ) -> None:
        """`admit` says who the user named by a trusted proxy is; without it no proxy is trusted.

        `tokens` are those created here; the settings may have others.
        """
        self.app = app
        self._judge = admit
        self._settings = settings
        self._refuse = refuse
        self._wrong_tokens = wrong_tokens or WrongTokens()
        self._most_bytes = most_bytes
        self._tokens = tokens
        self._room = Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = context_of(scope["headers"])
        current_request.set(context)
        scope[REQUEST] = context
        headers = Headers(scope=scope)
        settings = self._settings()
        added: cors.RawHeaders = (*_COMMON_HEADERS, (b"x-request-id", context.id.encode()))
        origin = headers.get("origin")
        if origin is not None and cors.is_allowed_origin(origin, _origins(settings)):
            added = (*added, *cors.answer_headers(origin, _origins(settings)))
        elif settings.allowed_origins:
            added = (*added, (b"vary", b"Origin"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in added if header[0] not in present),
                ]
            await send(message)

        try:
            admitted = await self._admit(scope, headers, settings)
            scope[_OWNER] = admitted.owner
            scope[_PERSON] = admitted.person
            scope[REQUEST] = admitted.account(context)
            current_request.set(scope[REQUEST])
            if admitted.preflight:
                await cors.preflight_answer(headers)(scope, receive, send_with_headers)
                return
            body = IncomingBody(self._room, self._most_bytes(scope, settings))
            length = _check_body(headers, body.at_most, any_kind=_takes_files(scope))
            await body.announce(length)
        except Refused as refused:
            await self._refuse(refused)(scope, receive, send_with_headers)
            return
        with body.with_room():
            await self.app(scope, body.counted(receive), send_with_headers)

    async def _admit(self, scope: Scope, headers: Headers, settings: Settings) -> _Admitted:
        """Raises Refused."""
        client, server = ((scope.get(end) or (None,))[0] for end in ("client", "server"))
        request_origin = RequestOrigin.by(headers.items(), client=client, server=server)
        foreign = request_origin.from_another_origin
        if foreign and not cors.is_allowed_origin(request_origin.origin, _origins(settings)):
            raise _origin_refused(settings)
        if foreign and cors.is_preflight(scope["method"], headers):
            return _Admitted(None, preflight=True)
        if (secret := given_token(headers)) and (
            admitted := await self._with_token(secret, client, settings)
        ):
            return admitted
        if person := await self._named_by_proxy(scope, settings):
            return _Admitted(person.key, person=person)
        if request_origin.locally and (settings.trust_loopback or not _needs_credentials(settings)):
            return _Admitted(LOCAL_OWNER)
        if (
            not settings.accepted_tokens
            and request_origin.on_loopback
            and not request_origin.by_loopback_name
        ):
            raise _host_refused()
        if _path(scope) in PUBLIC_PATHS:
            return _Admitted(None)
        raise _credentials_missing(settings)

    async def _with_token(self, secret: str, client: str | None, settings: Settings) -> _Admitted | None:
        """None if the server accepts no tokens, so that this one says nothing. Raises Refused."""
        made_here = self._tokens is not None and is_made_here(secret)
        if not settings.accepted_tokens and not made_here:
            return None
        if _is_accepted(secret, settings):
            owner = _owner_with(secret)
            return _Admitted(owner, token_id=owner.partition(":")[2])
        if made_here and (token := await self._find(secret)):
            return _Admitted(token.owner, token=token)
        if not await self._wrong_tokens.came_from(client):
            raise _too_many_wrong_tokens()
        raise _token_refused(wrong=True)

    async def _named_by_proxy(self, scope: Scope, settings: Settings) -> Person | None:
        """Raises Refused if the person has no access."""
        value = trusted_user(scope, settings)
        identity = of_header(value) if value else None
        if identity is None or self._judge is None:
            return None
        try:
            return await run_in_threadpool(self._judge, identity)
        except LoginNeeded as needed:
            raise Refused(403, "access_refused", str(needed), hint=needed.hint) from None

    async def _find(self, secret: str) -> ApiToken | None:
        """Raises Refused if the database can't say whether the token is valid."""
        assert self._tokens is not None
        try:
            return await run_in_threadpool(self._tokens().find, secret)
        except PersonaChatError as error:
            raise Refused(
                503, error.code, str(error), hint=error.hint, headers={"Retry-After": "5"}
            ) from None


def _needs_credentials(settings: Settings) -> bool:
    """Whether being local isn't enough: a proxy on this machine would look the same."""
    return bool(settings.accepted_tokens or settings.require_login or settings.trusted_user_header)


def _origins(settings: Settings) -> tuple[str, ...]:
    """Origins whose pages may call. Only a token opens the API to them, so without tokens there are none."""
    return settings.allowed_origins if settings.accepted_tokens else ()


def given_token(headers: Headers) -> str:
    """The bearer token of a request; "" if there is none."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _is_accepted(secret: str, settings: Settings) -> bool:
    # Compare with every token, so that the time tells nothing about which one nearly matched.
    secret_bytes = secret.encode("utf-8", "replace")
    matches = [secrets.compare_digest(secret_bytes, one.encode()) for one in settings.accepted_tokens]
    return any(matches)


def _origin_refused(settings: Settings) -> Refused:
    hint = (
        "Sites listed in PERSONACHAT_ALLOWED_ORIGINS can, with a token." if settings.accepted_tokens else ""
    )
    return Refused(403, "origin_refused", "Pages from other sites can't call this API.", hint=hint)


def _host_refused() -> Refused:
    return Refused(
        421,
        "host_refused",
        "This server doesn't answer under that name without a token.",
        hint="Use localhost or 127.0.0.1, or set PERSONACHAT_API_TOKENS and send one of the tokens.",
    )


def _tokens_not_configured() -> Refused:
    return Refused(
        403,
        "tokens_not_configured",
        "The API needs a token from other machines, but PERSONACHAT_API_TOKENS is not set.",
        hint="Set it on the server and send one of its tokens as Authorization: Bearer.",
    )


def _credentials_missing(settings: Settings) -> Refused:
    if settings.accepted_tokens:
        return _token_refused(wrong=False)
    if not _needs_credentials(settings):
        return _tokens_not_configured()
    return Refused(
        401,
        "login_needed",
        "The API needs a token here, because people have to log in.",
        hint="Send Authorization: Bearer with a token, or come through the proxy that logs people in.",
        headers={"WWW-Authenticate": 'Bearer realm="PersonaChat"'},
    )


def _token_refused(*, wrong: bool) -> Refused:
    return Refused(
        401,
        "token_refused" if wrong else "token_missing",
        "This token is not accepted." if wrong else "The API needs a token here.",
        hint="Send Authorization: Bearer with one of the tokens in PERSONACHAT_API_TOKENS.",
        headers={"WWW-Authenticate": 'Bearer realm="PersonaChat"'},
    )


def _too_many_wrong_tokens() -> Refused:
    return Refused(
        429,
        "too_many_wrong_tokens",
        "There were too many wrong tokens from your address.",
        hint="Try again in a minute with one of the tokens in PERSONACHAT_API_TOKENS.",
        headers={"Retry-After": "60"},
    )


def _owner_with(token: str) -> str:
    """Only a hash of the token is ever stored."""
    return f"token:{hashlib.sha256(token.encode()).hexdigest()[:32]}"


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _check_body(headers: Headers, at_most: int, *, any_kind: bool) -> int:
    """The length that the body declares; 0 if it doesn't. Raises Refused."""
    length = headers.get("content-length", "")
    bytes_ = int(length[:20]) if length.isdecimal() else 0
    if bytes_ > at_most:
        raise Refused(
            413, "body_too_large", (f"The request body is too large; the limit is {at_most // 1024:,} KB.")
        )
    has_body = "transfer-encoding" in headers or length.strip("0")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and not any_kind and not re.fullmatch(r"application/(?:.+\+)?json", kind):
        raise Refused(
            415,
            "not_json",
            "The request body must be JSON.",
            hint=("Send it with Content-Type: application/json."),
        )
    return bytes_
