"""Answers about a persona: its JSON, its ETag, and both versions if two writers conflict."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from personachat.api.errors import problem_of
from personachat.errors import PersonaChanged
from personachat.personas.persona import dump_persona
from personachat.personas.store.base import StoredPersona


def saved_answer(persona: StoredPersona, status: int) -> Response:
    """The persona as it is now, with its ETag."""
    headers = headers_of(persona)
    if status == 201:
        headers["Location"] = f"/api/personas/{persona.id}"
    return Response(json_of(persona), status, headers, "application/json")


def conflict(changed: PersonaChanged, *, own_text: str | None = None) -> Response:
    """Refuse a write over a version that is no longer current; the answer has both versions."""
    versions = {"stored": _value(changed.text)} | ({} if own_text is None else {"sent": _value(own_text)})
    answer = problem_of(changed, extra=versions)
    if changed.etag is not None:
        answer.headers["ETag"] = f'"{changed.etag}"'
    return answer


def _value(text: str | None) -> Any:
    """A persona's text as JSON, or as it is if it isn't JSON."""
    try:
        return None if text is None else json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def headers_of(persona: StoredPersona) -> dict[str, str]:
    """Its ETag, and that a cached copy is only valid while the ETag is the same."""
    return {"ETag": f'"{persona.etag}"', "Cache-Control": "no-cache"}


def json_of(entry: StoredPersona) -> str:
    """The persona in the layout of `dump_persona`."""
    return dump_persona(entry.persona).rstrip("\n")
