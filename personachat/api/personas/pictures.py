"""A persona's picture over HTTP. Its ETag identifies the exact picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.etags import Condition, IfMatch, IfNoneMatch, condition_of, tags_of
from personachat.api.openapi import ETAG_HEADER, answers
from personachat.api.schemas import PersonaId, ResponseModel, workspace_of
from personachat.api.uploads import uploads
from personachat.authoring.library import PersonaLibrary
from personachat.personas.pictures.reading import MOST_BYTES
from personachat.personas.store.base import StoredPersona

router = APIRouter(prefix="/personas/{id}/picture", tags=["personas"])

_IMAGE = {"schema": {"type": "string", "contentMediaType": "image/png"}}
_PICTURE: dict[str, Any] = {
    "description": "The picture.",
    "headers": ETAG_HEADER,
    "content": {"image/png": _IMAGE, "image/jpeg": _IMAGE},
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "A PNG, JPEG or WebP picture. It is cropped to a square and encoded again.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"}
                    },
                    "required": ["file"],
                }
            },
            **dict.fromkeys(("image/png", "image/jpeg", "image/webp"), _IMAGE),
            "application/octet-stream": _IMAGE,
        },
    }
}


class PictureReport(ResponseModel):
    """The picture's name, which is its ETag and part of the persona's text, and the persona's ETag."""

    picture: str
    persona_etag: str


@router.get(
    "",
    summary="A persona's picture",
    response_class=Response,
    responses=answers(304, 400, 404, 409, 422, 503, s200=_PICTURE),
)
def get_picture(
    persona_id: PersonaId,
    request: Request,
    if_none_match: IfNoneMatch = None,
    size: Annotated[
        Literal["full", "small"], Query(description="Full size, or a square of at most 128 pixels.")
    ] = "full",
) -> Response:
    """A PNG of at most 1024 pixels a side. The small version is a JPEG if nothing in it is transparent."""
    collection = workspace_of(request).collection
    name, content = collection.picture(persona_id)
    etag = name if size == "full" else f"{name}-small"
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    tags = tags_of(if_none_match, weak=True)
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    if size == "small":
        content = collection.pictures.thumbs((name,))[name]
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    return Response(content, headers=headers, media_type=kind)


@router.put(
    "",
    summary="Give a persona a picture",
    response_model=PictureReport,
    responses=answers(400, 403, 404, 409, 412, 413, 422, 503),
    openapi_extra=_BODY,
)
async def put_picture(
    persona_id: PersonaId, request: Request, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Creates a new revision. `If-Match` replaces only that picture, `If-None-Match: *` none."""
    condition = condition_of(if_match, if_none_match)
    async with uploads(request) as files:

        def run() -> Response:
            collection = workspace_of(request).collection
            persona = _checked(collection, persona_id, condition)
            if len(files) != 1:
                raise Refused(
                    422, "request_invalid", "The form contains several files.", hint=("Send only one.")
                )
            files[0].file.seek(0)
            name = collection.add_picture(files[0].file.read(MOST_BYTES + 1))
            return _answer(collection.set_picture(persona_id, name, etag=persona.etag))

        return await run_in_threadpool(run)


@router.delete(
    "",
    summary="Remove a persona's picture",
    status_code=204,
    response_class=Response,
    responses=answers(400, 403, 404, 409, 412, 422, 503),
)
def delete_picture(persona_id: PersonaId, request: Request, if_match: IfMatch = None) -> Response:
    """Creates a new revision. Restoring the previous revision brings the picture back."""
    collection = workspace_of(request).collection
    entry = _checked(collection, persona_id, condition_of(if_match, None))
    if not entry.persona.picture:
        collection.picture(persona_id)  # which means that there is none
    collection.set_picture(persona_id, "", etag=entry.etag)
    return Response(status_code=204)


def _checked(collection: PersonaLibrary, persona_id: str, condition: Condition) -> StoredPersona:
    """The persona, if its picture matches the condition. Raises Refused."""
    entry = collection.get(persona_id)
    name = entry.persona.picture
    is_met = not (condition.new and name) and not (condition.existing and not name)
    if condition.etags:
        is_met = name in condition.etags
    if not is_met:
        headers = {"ETag": f'"{name}"'} if name else {}
        raise Refused(
            412,
            "picture_changed",
            "The picture has changed in the meantime.",
            hint="Look at it first.",
            headers=headers,
        )
    return entry


def _answer(entry: StoredPersona) -> Response:
    report = PictureReport(picture=entry.persona.picture, persona_etag=entry.etag)
    headers = {"ETag": f'"{report.picture}"'}
    return Response(report.model_dump_json(by_alias=True), headers=headers, media_type="application/json")
