"""OpenAI's error envelope: a message, a type, a code and the parameter at fault.

Its shape is that of OpenAI's API reference: {"error": {"message", "type", "param", "code"}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from personachat.api.bounds import sentence
from personachat.api.errors import Refused
from personachat.api.methods import methods_at
from personachat.errors import PersonaChatError, ReplyEmpty, ShuttingDown, TooManyReplies, unforeseen
from personachat.messages import Failed, Finished
from personachat.replies.endings import INTERRUPTED
from personachat.request_context import current_request

INVALID, NOT_FOUND, AUTHENTICATION, PERMISSION, RATE, QUOTA, SERVER = (
    "invalid_request_error",
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "rate_limit_error",
    "insufficient_quota",
    "server_error",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """An error of ours in OpenAI's terms: HTTP status, type, and code (None means ours)."""

    status: int
    type: str
    code: str | None = None


KINDS: Mapping[str, Kind] = {
    "persona_not_found": Kind(404, NOT_FOUND, "model_not_found"),
    "label_not_found": Kind(404, NOT_FOUND, "model_not_found"),
    "persona_broken": Kind(404, NOT_FOUND, "model_not_found"),
    "model_not_allowed": Kind(403, PERMISSION),
    "request_refused": Kind(400, INVALID),
    "context_too_long": Kind(400, INVALID, "context_length_exceeded"),
    "too_many_replies": Kind(429, RATE, "rate_limit_exceeded"),
    "request_limit_reached": Kind(429, RATE, "rate_limit_exceeded"),
    "budget_exceeded": Kind(429, QUOTA, "insufficient_quota"),
    "shutting_down": Kind(503, SERVER),
    "interrupted": Kind(503, SERVER),
    "stopped": Kind(409, SERVER),
    "rate_limited": Kind(429, RATE, "rate_limit_exceeded"),
    "quota_exceeded": Kind(429, QUOTA, "insufficient_quota"),
    "no_model_available": Kind(503, SERVER),
    "provider_unavailable": Kind(503, SERVER),
    "provider_overloaded": Kind(503, SERVER),
    "provider_fault": Kind(503, SERVER),
    "store_unavailable": Kind(503, SERVER),
    "database_unavailable": Kind(503, SERVER),
    "first_token_timeout": Kind(504, SERVER),
    "idle_timeout": Kind(504, SERVER),
    "reply_timeout": Kind(504, SERVER),
    "internal_error": Kind(500, SERVER),
}
_UPSTREAM = Kind(502, SERVER)
"""For whatever else a provider did: our key was refused, not the caller's."""

_REFUSALS = {401: AUTHENTICATION, 403: PERMISSION, 429: RATE, 503: SERVER}
_RETRY_SECONDS = 5

_OURS_FOR_A_MOMENT = frozenset({TooManyReplies.code, ShuttingDown.code, INTERRUPTED.code})
"""Errors that a retry, or another server, may well avoid."""

MOST_PARAM_CHARACTERS = 200


class BadRequest(PersonaChatError):
    """A request that OpenAI would refuse too; `param` is what is wrong with it."""

    code = "request_refused"

    def __init__(self, message: str, *, param: str | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.reason = reason


def ended(event: Finished | Failed) -> Finished | Failed:
    """How a reply ended for a program; an empty reply counts as one.

    As an error, the program would request it, and pay for it, again.
    """
    return Finished("stop") if isinstance(event, Failed) and event.code == ReplyEmpty.code else event


def envelope(error: PersonaChatError | Failed) -> dict[str, Any]:
    """The error as JSON, without its HTTP status."""
    kind = KINDS.get(error.code, _UPSTREAM)
    message = error.message if isinstance(error, Failed) else str(error)
    param: str | None = None
    code: str | None = kind.code or error.code
    if isinstance(error, BadRequest):
        param, code = error.param, error.reason
    elif kind.code == "model_not_found":
        param = "model"
    return _error(f"{message} {error.hint}".strip(), kind.type, param=param, code=code)


def failure_of(error: PersonaChatError | Failed) -> Response:
    """One of our errors as an answer."""
    if isinstance(error, Refused):
        kind = _REFUSALS.get(error.status, INVALID)
        body = _error(f"{error} {error.hint}".strip(), kind, code=error.reason)
        return _answer(error.status, body, headers=error.headers)
    status = KINDS.get(error.code, _UPSTREAM).status
    headers = {}
    if isinstance(error, Failed) and error.code not in _OURS_FOR_A_MOMENT:
        headers["x-should-retry"] = "false"  # it was already retried as often as makes sense
    if status in {429, 503}:
        headers["Retry-After"] = str(max(1, round(error.retry_after_seconds or _RETRY_SECONDS)))
    return _answer(status, envelope(error), headers=headers)


def add_handlers(api: FastAPI) -> None:
    """Make an app answer every exception in the envelope."""
    api.add_exception_handler(PersonaChatError, _own)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _unforeseen)


async def _own(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PersonaChatError)
    return failure_of(error)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fault: Mapping[str, Any] = error.errors()[0]
    path = fault["loc"][1:]
    param = _param(path)
    match fault["type"]:
        case "json_invalid":
            return _answer(400, _error("We could not parse the JSON body of your request.", INVALID))
        case "extra_forbidden":
            message, code = f"Unrecognized request argument supplied: {path[-1]}", "unknown_parameter"
        case "missing":
            message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
        case _:
            reason = fault["msg"].removeprefix("Value error, ")
            message, code = f"Invalid value for '{param}': {reason}.".replace("..", "."), "invalid_value"
    return _answer(400, _error(message, INVALID, param=param, code=code))


def _param(path: Sequence[str | int]) -> str | None:
    """The place in the body in OpenAI's notation: `tools[0].type`."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return written.removeprefix(".") or None


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {
        404: f"Invalid URL ({request.method} {request.url.path})",
        405: f"{request.method} is not possible here.",
        413: "The body is too large.",
        503: "Too many large requests are being answered. Try again in a moment.",
    }.get(error.status_code, "The request cannot be read.")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(methods_at(request))
    kind = SERVER if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else INVALID
    return _answer(error.status_code, _error(message, kind), headers=headers)


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    answer = failure_of(unforeseen())
    answer.headers["x-request-id"] = current_request.get().id  # for errors outside the gate
    return answer


def _error(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    param = sentence(param, most=MOST_PARAM_CHARACTERS) if param else param
    return {"error": {"message": sentence(message), "type": kind, "param": param, "code": code}}


def _answer(status: int, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, dict(headers or {}), "application/json")
