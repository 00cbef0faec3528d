"""Programs on pages of other origins: answers to their preflights and calls (Fetch, section 3.3).

Only for origins that the operator names, only with a token, and never with cookies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.datastructures import Headers
from starlette.responses import Response

from personachat.access import origin_of

MAX_AGE_SECONDS = 600
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
EXPOSED = (
    "Content-Disposition, ETag, Link, Location, Mcp-Session-Id, Retry-After, WWW-Authenticate, X-Request-Id"
)

RawHeaders = Sequence[tuple[bytes, bytes]]


def is_allowed_origin(origin: str | None, allowed: Collection[str]) -> bool:
    if origin is None or not allowed:
        return False
    if "*" in allowed:
        return True
    parsed_origin = origin_of(origin)
    return parsed_origin is not None and any(origin_of(one) == parsed_origin for one in allowed)


def is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_answer(headers: Headers) -> Response:
    """Allow it. The call itself is checked when it comes, which also refuses a method the path lacks."""
    answer = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "Authorization"),
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }
    if headers.get("access-control-request-private-network") == "true":
        answer["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=answer)


def answer_headers(origin: str, allowed: Collection[str]) -> RawHeaders:
    """Headers that let the page of an allowed origin read the answer."""
    named = "*" if "*" in allowed else origin
    return (
        (b"access-control-allow-origin", named.encode("latin-1", "replace")),
        (b"access-control-expose-headers", EXPOSED.encode()),
        (b"vary", b"Origin"),
    )
