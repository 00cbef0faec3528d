"""Chat over HTTP: send a message and stream the reply.

A conversation that begins here is not kept until it is continued. Until then its replies end when nobody
follows them, and their text stays. Endpoints only start and follow replies; ChatService does the rest.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.events import ReplyStream
from personachat.api.openapi import STREAM, answers
from personachat.api.queues import MessageQueues, over
from personachat.api.schemas import Id, RequestModel, services_of, workspace_of
from personachat.api.whole import WholeAnswer, WholeReply, is_wanted
from personachat.errors import ConversationNotFound, ReplyInProgress
from personachat.messages import ChatMessage
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings
from personachat.replies.live import LiveReply
from personachat.services.workspace import Workspace
from personachat.variables import GivenValues

router = APIRouter(prefix="/chat", tags=["chat"])

STREAM_OR_WHOLE = STREAM | {
    "model": WholeReply,
    "content": STREAM["content"] | {"application/json": {}},
}


class HistoryMessage(RequestModel):
    """One earlier message."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class ChatBody(RequestModel):
    """A message to a persona. The server alone decides which model answers and with whose key."""

    message: Annotated[str, Field(min_length=1)]
    persona_id: Id
    conversation_id: Annotated[
        Id | None, Field(description="Continues a conversation. If left out, a new one starts.")
    ] = None
    history: Annotated[
        list[HistoryMessage] | None,
        Field(description="Earlier messages, oldest first, when a new conversation starts."),
    ] = None
    temporary: Annotated[
        bool,
        Field(
            description=("Starts a conversation that is never saved and disappears when the server stops.")
        ),
    ] = False
    variables: GivenValues = Field(default_factory=dict)
    settings: Annotated[
        ChatSettings | None,
        Field(
            description=(
                "Settings of this conversation from now on, instead of the persona's. They replace all "
                "earlier ones; {} removes them. If left out, they stay as they are."
            )
        ),
    ] = None


@router.post(
    "",
    summary="Send a message and stream the reply",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 429, 502, 503, s200=STREAM_OR_WHOLE),
)
async def send_message(body: ChatBody, request: Request) -> Response:
    """With `Accept: application/json`, you get the whole reply at once when it is complete.

    Closing the connection ends the reply, unless its conversation is kept, that is, continued at least once.

    If another reply in the conversation is still being written, the message waits for it, after any earlier
    messages. If that reply is paused, the message is refused with 409.
    """
    if body.conversation_id is None:
        return await run_in_threadpool(_begin, request, body)
    if body.history:
        raise Refused(
            422,
            "request_invalid",
            "An existing conversation has its own history.",
            hint="Send either conversationId or history.",
        )
    return await _say_in_turn(request, body, body.conversation_id)


def _answer(request: Request) -> type[ReplyStream]:
    return WholeAnswer if is_wanted(request) else ReplyStream


def _begin(request: Request, body: ChatBody) -> ReplyStream:
    chat = workspace_of(request).chat
    history = [ChatMessage(message.role, message.content) for message in body.history or ()]
    live_reply = chat.begin(
        body.message,
        persona_id=body.persona_id,
        history=history,
        durable=False,
        temporary=body.temporary,
        variables=body.variables,
        settings=body.settings or AS_IN_THE_PERSONA,
    )

    def discard() -> None:
        with suppress(ConversationNotFound):
            chat.discard(live_reply.conversation_id)

    return _answer(request)(live_reply, on_refused=discard)


async def _say_in_turn(request: Request, body: ChatBody, conversation_id: str) -> Response:
    workspace = await run_in_threadpool(_checked, request, body, conversation_id)
    queues: MessageQueues = request.app.state.queues
    runner = services_of(request).runner
    async with queues.first(workspace.owner, conversation_id):
        while not await request.is_disconnected():
            runner.admit()
            speech = await run_in_threadpool(_say, workspace, body, conversation_id, _answer(request))
            if isinstance(speech, ReplyStream):
                return speech
            if speech is not None and not await over(speech, request):
                raise ReplyInProgress(
                    "The reply in this conversation is paused.",
                    hint=("Resume or stop it, then send your message again."),
                )
    return Response(status_code=204)  # to nobody


def _checked(request: Request, body: ChatBody, conversation_id: str) -> Workspace:
    """The workspace, if the conversation is in it and is temporary or not, as requested."""
    workspace = workspace_of(request)
    conversation = workspace.chat.conversation(conversation_id, last=1)
    if body.temporary and not conversation.temporary:
        raise Refused(
            422,
            "request_invalid",
            "This conversation is saved, and so are new messages in it.",
            hint="Start a temporary conversation by leaving conversationId out.",
        )
    return workspace


def _say(
    workspace: Workspace, body: ChatBody, conversation_id: str, answer: type[ReplyStream]
) -> ReplyStream | LiveReply | None:
    """The reply to the message. Otherwise the live reply that is in the way, or None if it has just ended."""
    chat = workspace.chat
    chat.keep(conversation_id)
    if body.settings is not None:
        chat.adjust(conversation_id, body.settings)
    try:
        return answer(
            chat.send(conversation_id, body.message, persona_id=body.persona_id, variables=body.variables)
        )
    except ReplyInProgress:
        return chat.running(conversation_id)
