"""Chat over HTTP: say something, watch the reply, come back to it, stop it.

A conversation begun here is not kept until it is continued: until then its replies end when nobody
watches. The endpoints only start and watch; what a message does is ChatService's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.events import ReplyStream
from personachat.api.openapi import answers
from personachat.conversations.model import TurnState
from personachat.errors import ConversationNotFound
from personachat.messages import ChatMessage
from personachat.services import Services

router = APIRouter(prefix="/chat", tags=["chat"])

_STREAM = {
    "description": (
        "The reply as server-sent events: `start`, then `delta`, `reasoning` and `notice`, at most one "
        "`usage`, then `done` or `error`, then `data: [DONE]`. Every event has an `id` to resume after."
    ),
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=False)


class HistoryMessage(_Body):
    """One earlier message."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class ChatBody(_Body):
    """A message to a persona. What answers, and with whose key, is the server's business alone."""

    message: Annotated[str, Field(min_length=1)]
    persona_id: Annotated[str, Field(min_length=1, max_length=200)]
    conversation_id: Annotated[
        str | None,
        Field(max_length=200, description="Continues a conversation; without it, a new one begins."),
    ] = None
    history: Annotated[
        list[HistoryMessage] | None,
        Field(description="What was said before, oldest first, where a new conversation begins."),
    ] = None


class StoppedReply(BaseModel):
    """How a reply stands after it was to be stopped; one that had ended before stays as it was."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    message_id: str
    state: TurnState


@router.post(
    "",
    summary="Say something and stream the reply",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 429, 502, s200=_STREAM),
)
async def post_message(body: ChatBody, request: Request) -> Response:
    """Closing the connection ends the reply, unless its conversation is kept: continued at least once."""
    return await run_in_threadpool(_begin, request.app.state.services(), body)


@router.get(
    "/{messageId}/events",
    summary="Watch a reply, from its start or after an event",
    response_class=Response,
    responses=answers(400, 404, 422, 502, s200=_STREAM),
)
async def get_events(
    message_id: Annotated[str, Path(alias="messageId")],
    request: Request,
    last_event_id: Annotated[
        str | SkipJsonSchema[None],
        Header(description="The number of the last event that arrived.", pattern="^[0-9]{1,9}$"),
    ] = None,
) -> Response:
    """Resume after a lost connection; of a reply that has ended, everything comes at once."""
    services: Services = request.app.state.services()
    generation = services.chat.generation(message_id)
    after = int(last_event_id or 0)
    if after > len(generation.wait(0, timeout_seconds=0)):
        raise Refused(422, "request_invalid", f"This reply has no event {after} yet, to go on after it.")
    return ReplyStream(generation, after=after)


@router.post(
    "/{messageId}/stop",
    summary="End a running reply",
    response_model=StoppedReply,
    responses=answers(400, 404, 422),
)
def stop_reply(message_id: Annotated[str, Path(alias="messageId")], request: Request) -> StoppedReply:
    """The text that has arrived is kept, and the provider is no longer asked for more."""
    services: Services = request.app.state.services()
    services.chat.stop(message_id)
    return StoppedReply(message_id=message_id, state=services.chat.generation(message_id).state)


def _begin(services: Services, body: ChatBody) -> ReplyStream:
    chat = services.chat
    history = [ChatMessage(message.role, message.content) for message in body.history or ()]
    if body.conversation_id is not None:
        if history:
            raise Refused(
                422,
                "request_invalid",
                "A conversation that goes on has its own history.",
                hint="Give either conversationId or history.",
            )
        chat.keep(body.conversation_id)
        conversation_id = body.conversation_id
    else:
        conversation_id = chat.start(kept=False).id

    def discard() -> None:
        with suppress(ConversationNotFound):
            chat.discard(conversation_id)

    try:
        generation = chat.send(conversation_id, body.message, persona_id=body.persona_id, history=history)
    except BaseException:
        discard()
        raise
    return ReplyStream(generation, on_refused=discard)
