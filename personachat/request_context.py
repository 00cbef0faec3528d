"""The request being answered: its id, and the trace it belongs to.

The gate in front of API and MCP sets it, and the ledger reads it when a model call begins. Work that no HTTP
request caused, such as a page's turn, gets an id there.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/@-]{0,127}", re.ASCII)
"""An id that logs, headers and shells can show unchanged."""

_MOST_TRACE_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`traceparent` and `tracestate` are the caller's, as defined by W3C Trace Context."""

    id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    role: str = ""
    """The role that a token gives its caller; "" if there is no token."""
    token_id: str = ""
    """The id of the API token, if any."""
    personas: frozenset[str] | None = None
    """The personas that the token reaches; None is all."""


NO_REQUEST = RequestContext()

current_request: ContextVar[RequestContext] = ContextVar("personachat.request", default=NO_REQUEST)


def made_id() -> str:
    """A new id."""
    return f"req_{secrets.token_hex(16)}"


def current_or_new() -> RequestContext:
    """The request being answered; a new one if there is none."""
    context = current_request.get()
    return context if context.id else RequestContext(made_id())


@contextmanager
def on_the_account_of(request: RequestContext | None) -> Iterator[None]:
    """Inside this block, work without a request counts for the sender of `request`, with ids of its own."""
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
    """The context of a request with these headers, named in lower case."""
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
