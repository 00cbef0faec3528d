"""Messages over HTTP: rate, edit, show, delete and restore one, and see what was sent for a reply."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.events import ReplyStream
from personachat.api.openapi import MESSAGE_OR_STREAM, answers, json_answer
from personachat.api.schemas import (
    RATINGS,
    Id,
    Message,
    MessageId,
    RequestModel,
    ResponseModel,
    Thumb,
    message_of,
    workspace_of,
)
from personachat.conversations.model import Turn
from personachat.errors import TurnNotFound

router = APIRouter(prefix="/messages/{id}", tags=["messages"])


class Opinion(RequestModel):
    """The caller's rating of a reply. Missing fields stay as they are; null removes the rating."""

    rating: Thumb | None = None
    note: Annotated[str | None, Field(max_length=2000, description="A note for the rating.")] = None


class NewWords(RequestModel):
    """New text for a message."""

    content: Annotated[str, Field(min_length=1)]


class Leaf(RequestModel):
    """The `leafId` from the answer to the deletion."""

    leaf_id: Id | None


class Branch(ResponseModel):
    """The active branch of a conversation, named by its last message."""

    conversation_id: str
    leaf_id: str | None


_REQUEST_ANSWER = json_answer(
    "The request as it was sent, without the key.",
    {
        "type": "object",
        "required": ["provider", "baseUrl", "model", "body", "lore"],
        "properties": {
            "provider": {"type": "string"},
            "baseUrl": {
                "type": ["string", "null"],
                "description": "Parts that may be secret are ***. Null if the model runs in the server.",
            },
            "model": {"type": "string"},
            "body": {"type": "object"},
            "lore": {
                "type": "array",
                "description": "Lore entries that were included, and the key that triggered each.",
                "items": {
                    "type": "object",
                    "required": ["name", "key"],
                    "properties": {"name": {"type": "string"}, "key": {"type": "string"}},
                },
            },
        },
    },
)


@router.patch(
    "",
    summary="Rate a reply",
    response_model=Message,
    responses=answers(400, 404, 422, 503),
)
def update_message(message_id: MessageId, body: Opinion, request: Request) -> Message:
    """Up or down, with an optional note."""
    _, turn = _conversation_and_turn(request, message_id)
    if turn.role != "assistant":
        raise TurnNotFound("This message is not a reply.", hint="Only replies can be rated.")
    rating, note = turn.rating, turn.rating_note
    if "rating" in body.model_fields_set:
        rating = None if body.rating is None else RATINGS[body.rating]
        note = note if rating == turn.rating else ""
    if body.note is not None:
        note = body.note
    if note.strip() and rating is None:
        raise Refused(422, "request_invalid", "A note needs a rating.", hint=("Send a rating with it."))
    workspace_of(request).branches.rate(message_id, rating, note=note)
    return _message(request, message_id)


@router.post(
    "/edit",
    summary="Edit a message",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 429, 502, 503, **MESSAGE_OR_STREAM),
)
def edit_message(message_id: MessageId, body: NewWords, request: Request) -> Response:
    """The old text stays as a sibling. After a user's message a new reply follows: 200 and its stream.

    An assistant's message is saved as it is: 201 and the new message.
    """
    workspace = workspace_of(request)
    live_reply = workspace.branches.edit(message_id, body.content)
    if live_reply is not None:
        return ReplyStream(live_reply)
    conversation_id, _ = _conversation_and_turn(request, message_id)
    leaf = workspace.chat.conversation(conversation_id, last=1).leaf
    answer = _message(request, leaf.id if leaf else message_id)
    return Response(answer.model_dump_json(by_alias=True), 201, media_type="application/json")


@router.post(
    "/show",
    summary="Make a message's branch the active one",
    response_model=Branch,
    responses=answers(404, 422, 503),
)
def show_message(message_id: MessageId, request: Request) -> Branch:
    """Up to its newest message."""
    workspace_of(request).branches.show_sibling(message_id)
    return _branch(request, message_id)


@router.delete(
    "",
    summary="Delete a message and everything after it",
    response_model=Branch,
    responses=answers(404, 422, 503),
)
def delete_message(message_id: MessageId, request: Request) -> Branch:
    """They are hidden, and a live reply among them is stopped. Use `leafId` to restore them."""
    conversation_id, _ = _conversation_and_turn(request, message_id)
    leaf_id = workspace_of(request).branches.delete_turn(message_id)
    return Branch(conversation_id=conversation_id, leaf_id=leaf_id)


@router.post(
    "/restore",
    summary="Restore a deleted message",
    response_model=Branch,
    responses=answers(400, 404, 422, 503),
)
def restore_message(message_id: MessageId, body: Leaf, request: Request) -> Branch:
    """Undoes its deletion, including everything after it."""
    workspace_of(request).branches.restore_turn(message_id, body.leaf_id)
    return _branch(request, message_id)


@router.get(
    "/request",
    summary="Show the request that was sent for a reply",
    response_class=Response,
    responses=answers(404, 422, 503, s200=_REQUEST_ANSWER),
)
def get_message_request(message_id: MessageId, request: Request) -> Response:
    """The request body as the provider received it, and the address. Never contains a key."""
    body = workspace_of(request).inspection.sent_request(message_id)
    if body is None:
        raise Refused(
            404, "request_not_found", ("Nothing was sent for this message, or the request is unknown.")
        )
    answer: dict[str, Any] = {
        "provider": body.provider,
        "baseUrl": body.base_url,
        "model": body.model,
        "body": body.body,
        "lore": [{"name": name, "key": key} for name, key in body.lore],
    }
    return Response(json.dumps(answer), media_type="application/json")


def _conversation_and_turn(request: Request, message_id: str) -> tuple[str, Turn]:
    """The id of the caller's conversation with the message, and the turn. Raises TurnNotFound."""
    return workspace_of(request).chat.turn(message_id)


def _message(request: Request, message_id: str) -> Message:
    chat = workspace_of(request).chat
    conversation_id, _ = chat.turn(message_id)
    siblings = chat.conversation(conversation_id).siblings
    turn = chat.path(message_id)[-1]
    return message_of(turn, siblings.get(message_id, ()))


def _branch(request: Request, message_id: str) -> Branch:
    conversation_id, _ = _conversation_and_turn(request, message_id)
    leaf_id = workspace_of(request).chat.conversation(conversation_id, last=1).leaf_id
    return Branch(conversation_id=conversation_id, leaf_id=leaf_id)
