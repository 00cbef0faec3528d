"""What is known of the request that is being answered: its id, and the trace that it belongs to.

The gate in front of the API sets it; the ledger reads it where a call of a model begins. A page has none.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,127}", re.ASCII)
"""An id that a log, a header and a shell can show as it is."""

_MOST_TRACE_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`traceparent` and `tracestate` are the caller's, as W3C Trace Context defines them."""

    id: str = ""
    traceparent: str = ""
    tracestate: str = ""


NO_REQUEST = RequestContext()

current_request: ContextVar[RequestContext] = ContextVar("personachat.request", default=NO_REQUEST)


def context_of(headers: Iterable[tuple[bytes, bytes]]) -> RequestContext:
    """The context of a request with these headers, whose names are in lower case."""
    given = traceparent = tracestate = ""
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
        elif name == b"traceparent":
            traceparent = value[:_MOST_TRACE_CHARACTERS].decode("latin-1")
        elif name == b"tracestate":
            tracestate = value[:_MOST_TRACE_CHARACTERS].decode("latin-1")
    request_id = given if _SAFE_ID.fullmatch(given) else f"req_{secrets.token_hex(16)}"
    return RequestContext(request_id, traceparent, tracestate)
