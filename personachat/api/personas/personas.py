"""Personas over HTTP: read, write and delete them, each protected by its ETag.

An ETag identifies one exact saved text. A write with If-Match only happens over that version. A refusal
returns both versions, so that nobody's work is lost.
"""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused, problem_of
from personachat.api.etags import Condition, IfMatch, IfNoneMatch, condition_of, tags_of
from personachat.api.openapi import ONE_PERSONA, PERSONA, PERSONA_LIST, SAVED, answers, json_answer, json_body
from personachat.api.personas.answers import conflict, headers_of, json_of, saved_answer
from personachat.api.schemas import Text, workspace_of
from personachat.authoring.library import PersonaLibrary, named_for_what_it_is
from personachat.errors import PersonaBroken, PersonaChanged, PersonaExists, PersonaNotFound
from personachat.personas.persona import dump_persona, parse_persona, persona_schema
from personachat.personas.search import SearchText, words_of
from personachat.personas.store.addressed import MARK
from personachat.personas.store.base import MOST_NOTE_CHARACTERS, BrokenPersona, StoredPersona

router = APIRouter(prefix="/personas", tags=["personas"])

Note = Annotated[Text, Query(max_length=MOST_NOTE_CHARACTERS, description="A note for the new revision.")]


@router.get("", summary="List personas", response_class=Response, responses=answers(422, s200=PERSONA_LIST))
def list_personas(
    request: Request,
    q: Annotated[str, Query(description="Part of the id, name, description, tags or prompt.")] = "",
    tag: Annotated[str, Query(description="A tag, in upper or lower case.")] = "",
    persona_id: Annotated[str, Query(alias="id", description="Only the persona with this id.")] = "",
) -> Response:
    """All personas, the default one first, then by name. Unreadable files are only counted."""
    stored_personas = [entry for entry in _store(request).all() if not persona_id or entry.id == persona_id]
    whole = [entry for entry in stored_personas if isinstance(entry, StoredPersona)]
    words, label = words_of(q), tag.strip().casefold()
    items = [entry for entry in whole if _has_tag(entry, label) and SearchText.of(entry.persona).has(words)]
    body = "[" + ",".join(json_of(entry) for entry in items) + "]"
    return Response(
        body,
        headers={"X-Broken-Personas": str(len(stored_personas) - len(whole))},
        media_type="application/json",
    )


@router.post(
    "",
    summary="Create or replace a persona",
    response_class=Response,
    responses=answers(400, 409, 412, 422, **SAVED),
    openapi_extra=json_body(PERSONA),
)
async def save_persona(
    request: Request, if_match: IfMatch = None, if_none_match: IfNoneMatch = None, note: Note = ""
) -> Response:
    """Its `id` says which. `If-None-Match: *` only creates; `If-Match` replaces only that version."""
    text, condition = await text_of(request), condition_of(if_match, if_none_match)
    return await run_in_threadpool(lambda: _save(_store(request), text, condition, note=note))


@router.delete(
    "",
    summary="Delete a persona",
    status_code=204,
    response_class=Response,
    responses=answers(400, 404, 409, 412, 422),
)
def delete_persona_by_query(
    request: Request,
    persona_id: Annotated[str, Query(alias="id", min_length=1)],
    if_match: IfMatch = None,
) -> Response:
    """Same as `DELETE /personas/{id}`."""
    return _delete(_store(request), persona_id, condition_of(if_match, None))


@router.get(
    "/schema",
    summary="The JSON Schema of a persona",
    response_class=Response,
    responses=answers(403, s200=json_answer("JSON Schema (2020-12).", {"type": "object"})),
)
def get_persona_schema() -> Response:
    """For completion and validation in editors."""
    return Response(json.dumps(persona_schema()), media_type="application/json")


@router.get(
    "/{id}",
    summary="Read a persona",
    response_class=Response,
    responses=answers(304, 400, 404, 409, 422, s200=ONE_PERSONA),
)
def get_persona(
    persona_id: Annotated[str, Path(alias="id")], request: Request, if_none_match: IfNoneMatch = None
) -> Response:
    """With its ETag, which you send back when you save. `tutor@production` reads the labelled revision."""
    store = _store(request)
    try:
        source = workspace_of(request).addressed if MARK in persona_id else store
        persona = source.get(persona_id)
    except PersonaBroken as broken:
        answer = problem_of(broken)
        if (etag := _etag_of(store, persona_id)) is not None:
            answer.headers["ETag"] = f'"{etag}"'
        return answer
    tags = tags_of(if_none_match, weak=True)
    if persona.etag in tags or "*" in tags:
        return Response(status_code=304, headers=headers_of(persona))
    return Response(json_of(persona), headers=headers_of(persona), media_type="application/json")


@router.put(
    "/{id}",
    summary="Create or replace the persona with this id",
    response_class=Response,
    responses=answers(400, 409, 412, 422, **SAVED),
    openapi_extra=json_body(PERSONA),
)
async def replace_persona(
    persona_id: Annotated[str, Path(alias="id")],
    request: Request,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    note: Note = "",
) -> Response:
    """The `id` in the body must match the one in the address."""
    text, condition = await text_of(request), condition_of(if_match, if_none_match)

    def save() -> Response:
        with named_for_what_it_is(text):
            id_in_text = parse_persona(text).id
        if id_in_text != persona_id:
            raise Refused(
                422,
                "persona_id_mismatch",
                f'The id in the body is "{id_in_text}", but the address has another one.',
                hint="Make them the same. To change a persona's id, rename it.",
            )
        return _save(_store(request), text, condition, note=note)

    return await run_in_threadpool(save)


@router.delete(
    "/{id}",
    summary="Delete a persona",
    status_code=204,
    response_class=Response,
    responses=answers(400, 404, 409, 412, 422),
)
def delete_persona(
    persona_id: Annotated[str, Path(alias="id")], request: Request, if_match: IfMatch = None
) -> Response:
    """`If-Match` deletes only that version."""
    return _delete(_store(request), persona_id, condition_of(if_match, None))


def _store(request: Request) -> PersonaLibrary:
    return workspace_of(request).collection


async def text_of(request: Request) -> str:
    """The body as it was written; JSON on a single line is laid out for people to edit."""
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            400, "body_not_utf8", f"The body is not valid UTF-8 from byte {error.start} on."
        ) from None
    if "\n" in text.strip():
        return text
    with named_for_what_it_is(text):
        return dump_persona(await run_in_threadpool(parse_persona, text))


def _save(store: PersonaLibrary, text: str, condition: Condition, *, note: str) -> Response:
    def write() -> tuple[StoredPersona, int]:
        if condition.new:
            return store.create(text, note=note), 201
        if condition.etags or condition.existing:
            etag = guard(store, parse_persona(text).id, condition)
            return store.save(text, etag=etag, note=note), 200
        try:
            return store.create(text, note=note), 201
        except PersonaExists:
            return store.save(text, note=note), 200

    try:
        persona, status = write()
    except PersonaChanged as changed:
        return conflict(changed, own_text=text)
    return saved_answer(persona, status)


def _delete(store: PersonaLibrary, persona_id: str, condition: Condition) -> Response:
    try:
        etag = guard(store, persona_id, condition) if condition.etags else None
        store.delete(persona_id, etag=etag)
    except PersonaChanged as changed:
        return conflict(changed)
    return Response(status_code=204)


def guard(store: PersonaLibrary, persona_id: str, condition: Condition) -> str:
    """The version that may be overwritten. The store compares it again, under its lock."""
    if len(condition.etags) == 1:
        return condition.etags[0]
    current = _etag_of(store, persona_id)
    if current is not None and (condition.existing or current in condition.etags):
        return current
    return condition.etags[0] if condition.etags else "none"


def _etag_of(store: PersonaLibrary, persona_id: str) -> str | None:
    try:
        return store.get(persona_id).etag
    except PersonaNotFound:
        return None
    except PersonaBroken:
        broken_personas = (persona for persona in store.all() if isinstance(persona, BrokenPersona))
        return next((broken.etag for broken in broken_personas if broken.id == persona_id), None)


def _has_tag(entry: StoredPersona, label: str) -> bool:
    """Whether the persona has the tag, given in lower case; "" matches all."""
    return not label or label in (tag.casefold() for tag in entry.persona.tags)
