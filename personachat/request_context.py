"""What is known of the request that is being answered: its id, and the trace that it belongs to.

The gate in front of the API and MCP sets it; the ledger reads it where a call of a model begins. What nobody
asks over HTTP, such as a page's turn, gets an id of its own there.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    role: str = ""
    """What a token lets its caller be; "" if none says it."""
    token_id: str = ""
    """Which API token it came with."""
    personas: frozenset[str] | None = None
    """The personas that its token reaches; None is all."""


NO_REQUEST = RequestContext()

current_request: ContextVar[RequestContext] = ContextVar("personachat.request", default=NO_REQUEST)


def made_id() -> str:
    """An id of ours."""
    return f"req_{secrets.token_hex(16)}"


def current_or_new() -> RequestContext:
    """The request that is being answered; a new one if there is none."""
    context = current_request.get()
    return context if context.id else RequestContext(made_id())


@contextmanager
def on_the_account_of(request: RequestContext | None) -> Iterator[None]:
    """Within, what nobody asks for right now counts for who asked for `request`; it gets ids of its own."""
    if request is None or not (request.role or request.token_id):
        yield
        return
    account = RequestContext(
        made_id(), role=request.role, token_id=request.token_id, personas=request.personas
    )
    around = current_request.set(account)
    try:
        yield
    finally:
        current_request.reset(around)


def context_of(headers: Iterable[tuple[bytes, bytes]]) -> RequestContext:
    """The context of a request with these headers, whose names are in lower case."""
    context = traceparent = tracestate = ""
    for name, value in headers:
        if name == b"x-request-id":
            context = value.decode("latin-1")
        elif name == b"traceparent":
            traceparent = value[:_MOST_TRACE_CHARACTERS].decode("latin-1")
        elif name == b"tracestate":
            tracestate = value[:_MOST_TRACE_CHARACTERS].decode("latin-1")
    request_id = context if _SAFE_ID.fullmatch(context) else made_id()
    return RequestContext(request_id, traceparent, tracestate)
