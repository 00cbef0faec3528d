"""What the API's description adds to the endpoints: the error envelope and the persona's schema.

Every operation declares all of its answers. `default` is the error envelope, for errors that any operation
may give (too many replies, no token, a body too large).
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from personachat.api.errors import MEDIA_TYPE
from personachat.personas.persona import persona_schema, standard

_STATUSES = {
    304: "Not changed since the version with the given ETag.",
    400: "The request can't be read.",
    403: (
        "This caller isn't allowed: it needs a token from other machines, or it is a page of another site."
    ),
    404: "It doesn't exist or belongs to somebody else.",
    409: "It conflicts with something that exists, such as a broken file or a running reply.",
    412: "The condition is not met: somebody else was quicker, or it already exists.",
    413: "The body is too large.",
    422: "The request was read but is not valid. `problems` says where.",
    429: "Too many replies at once, here or at the provider.",
    502: "The provider couldn't answer.",
    503: "Something that is needed can't be reached right now. `Retry-After` says when to try again.",
}

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable; `detail` and `hint` are sentences for people.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "object"}},
        "etag": {"type": ["string", "null"]},
        "stored": {"description": "The persona as it is stored."},
        "sent": {"description": "The persona as it was sent."},
    },
}
PERSONA = {"$ref": "#/components/schemas/Persona"}
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
ETAG_HEADER = {"ETag": {"description": "Identifies exactly this version.", "schema": {"type": "string"}}}


def operation_id(route: APIRoute) -> str:
    """An operation's name in generated clients: the name of its function, as in `listPersonas`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def answers(*statuses: int, **extra: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Declare the error envelope for these statuses and as the default; `extra` adds others, e.g.

    `s200={...}`.
    """
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": _STATUSES[status], **({} if status == 304 else _PROBLEM)}
        for status in statuses
    }
    others: dict[int | str, dict[str, Any]] = {int(name[1:]): answer for name, answer in extra.items()}
    return {**others, **problems, "default": {"description": "Any other error.", **_PROBLEM}}


def json_answer(description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Declare an answer whose body is JSON of this schema."""
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Declare a body that the endpoint parses itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_EVENT = {
    "type": "object",
    "description": "One event; the last one has neither `id` nor `event`.",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "description": "Its number."},
        "event": {"type": "string", "description": "Its name, one of those above."},
        "data": {"type": "string", "description": "ASCII JSON, or `[DONE]`."},
    },
}
STREAM: dict[str, Any] = {
    "description": (
        "The reply as server-sent events: `start`, then `delta`, `reasoning` and `notice`, at most "
        "one `usage`, then `done`, or `error` if the reply was cut off, then `data: [DONE]`. "
        "`rethought`: the `delta` text since `start` was reasoning. Every event has an `id` to resume "
        "after. If a reply continues after a pause or an end, there is another `start`."
    ),
    "content": {"text/event-stream": {"schema": _EVENT}},
}
MESSAGE_OR_STREAM = {
    "s200": STREAM,
    "s201": {
        "description": "The new message.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}},
    },
}
SAVED = {
    "s200": json_answer("The replaced persona.", PERSONA, headers=ETAG_HEADER),
    "s201": json_answer("The new persona.", PERSONA, headers=ETAG_HEADER),
}
ONE_PERSONA = json_answer("The persona.", PERSONA, headers=ETAG_HEADER)
PERSONA_LIST = json_answer(
    "All personas that can be read.",
    {"type": "array", "items": PERSONA},
    headers={
        "X-Broken-Personas": {
            "description": "How many files can't be read as personas. /api/health lists them.",
            "schema": {"type": "integer"},
        }
    },
)


def add_description(api: FastAPI) -> None:
    """Complete the description that FastAPI generates."""

    def describe() -> dict[str, Any]:
        if api.openapi_schema is None:
            described = get_openapi(
                title=api.title,
                version=api.version,
                description=api.description,
                routes=api.routes,
                tags=api.openapi_tags,
                servers=[{"url": f"{api.state.base_path}/api"}],
            )
            described = standard(described)
            components = described.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas["Problem"] = PROBLEM_SCHEMA
            schemas["Persona"] = _persona(schemas)
            described["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            described["security"] = [{"token": []}, {}]
            api.openapi_schema = described
        return api.openapi_schema

    api.openapi = describe  # type: ignore[method-assign]  # FastAPI's way of replacing it


def _persona(schemas: dict[str, Any]) -> dict[str, Any]:
    """The persona's schema, with its parts where OpenAPI keeps them."""
    schema = persona_schema()
    schema.pop("$schema", None)
    schemas.update(_moved(schema.pop("$defs", {})))
    moved: dict[str, Any] = _moved(schema)
    return moved


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: entry.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(entry, str)
            else _moved(entry)
            for key, entry in value.items()
        }
    return [_moved(entry) for entry in value] if isinstance(value, list) else value
