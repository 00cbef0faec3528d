"""The API's one error envelope: application/problem+json (RFC 9457), with a stable `code`.

Whatever goes wrong under /api answers in it: our own errors, a reply that failed before its first event,
invalid input, unknown paths, and what nobody foresaw, of which nothing is shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from personachat.api.bounds import MOST_PROBLEMS, place, sentence
from personachat.api.methods import methods_at
from personachat.errors import (
    PersonaBroken,
    PersonaChanged,
    PersonaChatError,
    PersonaInvalid,
    PersonaMoved,
    Problem,
    SuiteInvalid,
    unforeseen,
)
from personachat.messages import Failed
from personachat.request_context import current_request

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[str, int] = {
    "persona_invalid": 422,
    "persona_not_found": 404,
    "label_not_found": 404,
    "label_invalid": 422,
    "persona_exists": 412,
    "persona_changed": 412,
    "persona_broken": 409,
    "editing_not_allowed": 403,
    "access_invalid": 422,
    "prompt_hidden": 403,
    "login_needed": 401,
    "store_unavailable": 503,
    "database_unavailable": 503,
    "database_damaged": 500,
    "conversation_not_found": 404,
    "turn_not_found": 404,
    "reply_not_found": 404,
    "share_not_found": 404,
    "reply_in_progress": 409,
    "comparison_not_found": 404,
    "comparison_invalid": 422,
    "question_set_not_found": 404,
    "question_set_invalid": 422,
    "cost_limit_reached": 409,
    "vote_refused": 409,
    "not_continuable": 409,
    "cursor_invalid": 422,
    "usage_question_invalid": 422,
    "revision_not_found": 404,
    "template_not_found": 404,
    "suite_invalid": 422,
    "suite_not_found": 404,
    "suite_changed": 412,
    "test_run_not_found": 404,
    "test_run_refused": 409,
    "link_invalid": 422,
    "picture_refused": 422,
    "picture_not_found": 404,
    "import_refused": 422,
    "import_repeated": 409,
    "message_invalid": 422,
    "too_many_replies": 429,
    "budget_exceeded": 429,
    "request_limit_reached": 429,
    "price_unknown": 403,
    "budget_invalid": 422,
    "budget_not_found": 404,
    "token_invalid": 422,
    "token_not_found": 404,
    "tokens_not_allowed": 403,
    "person_not_found": 404,
    "administration_not_allowed": 404,
    "shutting_down": 503,
    "interrupted": 503,
    "stopped": 409,
    # A provider's own 401 is not the caller's: our key was refused, not theirs.
    "provider_error": 502,
    "no_model_available": 503,
    "model_not_found": 404,
    "model_not_allowed": 403,
    "api_key_missing": 503,
    "api_key_refused": 502,
    "request_refused": 400,
    "context_too_long": 413,
    "quota_exceeded": 402,
    "rate_limited": 429,
    "provider_unavailable": 503,
    "provider_overloaded": 503,
    "provider_fault": 503,
    "redirect_refused": 502,
    "not_a_stream": 502,
    "broken_stream": 502,
    "connection_lost": 502,
    "reply_truncated": 502,
    "reply_empty": 502,
    "stream_failed": 502,
    "first_token_timeout": 504,
    "idle_timeout": 504,
    "reply_timeout": 504,
}
"""The HTTP status of each PersonaChatError code that can reach the API; anything else is a 500."""

_RETRY_LATER_SECONDS = 5
_HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class Refused(PersonaChatError):
    """A request the API itself turns away; each one names its own code and status."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = code
        self.headers = headers or {}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    retry_after_seconds: float | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Build the envelope. 429 and 503 always say when to come again."""
    body = {
        "type": f"urn:personachat:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": sentence(detail),
        "code": code,
        **({"hint": sentence(hint)} if hint else {}),
        **(extra or {}),
    }
    all_headers = dict(headers or {})
    if retry_after_seconds is None and status in (429, 503):
        retry_after_seconds = _RETRY_LATER_SECONDS
    if retry_after_seconds is not None:
        all_headers["Retry-After"] = str(max(1, math.ceil(retry_after_seconds)))
    return Response(json.dumps(body), status, all_headers, MEDIA_TYPE)


def problem_of(
    error: PersonaChatError, *, extra: Mapping[str, Any] | None = None, status: int | None = None
) -> Response:
    """Render one of our errors, with what it knows besides the sentence; `status` in place of its own."""
    if isinstance(error, Refused):
        return problem(error.status, error.reason, str(error), hint=error.hint, headers=error.headers)
    details: dict[str, Any] = {}
    match error:
        case (
            PersonaInvalid(problems=problems)
            | PersonaBroken(problems=problems)
            | SuiteInvalid(problems=problems)
        ):
            details["problems"] = [_as_json(each_problem) for each_problem in problems[:MOST_PROBLEMS]]
        case PersonaChanged(etag=etag):
            details["etag"] = etag
    return problem(
        status or STATUSES.get(error.code, 500),
        error.code,
        str(error),
        hint=error.hint,
        retry_after_seconds=error.retry_after_seconds,
        extra=details | dict(extra or {}),
    )


def problem_of_reply(failed: Failed, *, extra: Mapping[str, Any] | None = None) -> Response:
    """Render a reply that failed before its first event."""
    return problem(
        STATUSES.get(failed.code, 500),
        failed.code,
        failed.message,
        hint=failed.hint,
        retry_after_seconds=failed.retry_after_seconds,
        extra=extra,
    )


def add_handlers(api: FastAPI) -> None:
    """Make every exception of an app answer in the envelope."""
    api.add_exception_handler(PersonaChatError, _own)
    api.add_exception_handler(PersonaMoved, _moved)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _unforeseen)


async def _own(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PersonaChatError)
    return problem_of(error)


async def _moved(request: Request, error: Exception) -> Response:
    """A persona's address is another one now; where the id did not stand in the address, there is none."""
    assert isinstance(error, PersonaMoved)
    extra = {"renamedTo": error.new_id}
    before, name, after = request.url.path.partition(f"/personas/{error.old_id}")
    if not name or after[:1] not in {"", "/"}:
        return problem_of(error, extra=extra)
    query = f"?{request.url.query}" if request.url.query else ""
    answer = problem_of(error, extra=extra, status=HTTPStatus.PERMANENT_REDIRECT)
    answer.headers["Location"] = f"{before}/personas/{error.new_id}{after}{query}"
    return answer


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults: Sequence[Mapping[str, Any]] = error.errors()
    if faults[0]["type"] == "json_invalid":
        reason = faults[0].get("ctx", {}).get("error", "")
        return problem(400, "body_not_json", f"The body is not valid JSON: {reason}.".replace("..", "."))
    problems = [
        {"path": place(_path(fault["loc"])), "message": sentence(_sentence(fault))}
        for fault in faults[:MOST_PROBLEMS]
    ]
    first = problems[0]["message"]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return problem(422, "request_invalid", f"{first}{more}", extra={"problems": problems})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, dict(error.headers or {})
    code = _HTTP_CODES.get(status, "request_refused")
    if status == HTTPStatus.NOT_FOUND:
        detail, hint = "There is nothing at this address.", "See /api/docs for what is available."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(methods_at(request))
        detail, hint = f"{request.method} is not allowed here.", f"Allowed: {headers['Allow']}."
    elif status == HTTPStatus.BAD_REQUEST:
        detail, hint = "The body can't be read as UTF-8 JSON.", "Check its encoding and its nesting."
    else:
        detail, hint = f"{HTTPStatus(status).phrase}.", ""
    return problem(status, code, detail, hint=hint, headers=headers)


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    # The server logs the traceback: Starlette raises the exception again after this answer. The gate, which
    # gives all others their id, is not passed any more.
    answer = problem_of(unforeseen())
    answer.headers["x-request-id"] = current_request.get().id
    return answer


def _path(location: Iterable[Any]) -> Iterable[str | int]:
    kind, *keys = location
    return keys if kind == "body" else (kind, *keys)


def _sentence(fault: Mapping[str, Any]) -> str:
    keys = [str(key) for key in place(_path(fault["loc"]))]
    where = ".".join(keys) if keys else "The body"
    what = {"missing": "is missing", "extra_forbidden": "is not a key the API knows"}.get(fault["type"])
    return f"{where} {what}." if what else f"{where}: {fault['msg']}."


def _as_json(each_problem: Problem) -> dict[str, Any]:
    return {
        "message": sentence(each_problem.message),
        "line": each_problem.line,
        "column": each_problem.column,
        "path": place(each_problem.path),
    }
