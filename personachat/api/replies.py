"""One reply over HTTP: follow it, pause, resume and stop it, continue it, or generate another beside it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from personachat.api.errors import Refused
from personachat.api.events import ReplyStream
from personachat.api.openapi import STREAM, answers
from personachat.api.schemas import Id, ReplyId, RequestModel, ResponseModel, workspace_of
from personachat.messages import TurnState

router = APIRouter(prefix="/chat/{messageId}", tags=["chat"])

_STEERING = answers(400, 404, 422, 503)

LATE_SECONDS = 2.0
"""Seconds a client may be ahead of us: it saw the reply in the process that writes it to the database."""


class SteeredReply(ResponseModel):
    """The state of a reply after the command. A reply that had already ended stays as it was."""

    message_id: str
    state: TurnState


class AnotherReply(RequestModel):
    """Who answers instead. Null for the same as before."""

    persona_id: Id | None = None
    model: Annotated[
        Id | None, Field(description="A model name as in a persona. The server knows its provider.")
    ] = None


@router.get(
    "/events",
    summary="Watch a reply from its start or after an event",
    response_class=Response,
    responses=answers(
        400, 404, 422, 502, 503, s200=STREAM, s204={"description": ("You have already seen everything.")}
    ),
)
def follow_reply(
    message_id: ReplyId,
    request: Request,
    last_event_id: Annotated[
        str | SkipJsonSchema[None],
        Header(description="The number of the last event you received.", pattern="^[0-9]{1,9}$"),
    ] = None,
) -> Response:
    """Resumes after a lost connection or a server restart. For an ended reply, everything comes at once.

    If you have already seen its end you get 204, so that an EventSource stops asking.
    """
    live_reply = workspace_of(request).chat.live_reply(message_id)
    after = int(last_event_id or 0)
    live_reply.wait(max(after - 1, 0), timeout_seconds=LATE_SECONDS if after else 0)
    last = len(live_reply.wait(0, timeout_seconds=0))
    # What was sent but not written was lost with its server: only the end is left to send.
    if after > last and live_reply.state != "interrupted":
        raise Refused(422, "request_invalid", f"This reply has no event {after} yet.")
    # Nobody knows how much of an interrupted reply the client saw, so its end is sent again.
    if 0 < last <= after and not live_reply.live and live_reply.state != "interrupted":
        return Response(status_code=204)
    return ReplyStream(live_reply, after=after, begun=after > 0 or live_reply.state == "interrupted")


@router.post(
    "/pause",
    summary="Pause a running reply",
    response_model=SteeredReply,
    responses=_STEERING,
)
def pause_reply(message_id: ReplyId, request: Request) -> SteeredReply:
    """Nothing more is read from the provider until you resume. Open streams stay open."""
    workspace_of(request).chat.pause(message_id)
    return _steered(message_id, request)


@router.post(
    "/resume",
    summary="Resume a paused reply",
    response_model=SteeredReply,
    responses=_STEERING,
)
def resume_reply(message_id: ReplyId, request: Request) -> SteeredReply:
    """If the provider has closed the connection, it is asked for the rest."""
    workspace_of(request).chat.resume(message_id)
    return _steered(message_id, request)


@router.post(
    "/stop",
    summary="End a running or paused reply",
    response_model=SteeredReply,
    responses=_STEERING,
)
def stop_reply(message_id: ReplyId, request: Request) -> SteeredReply:
    """The text so far is kept, and the provider is not asked for more."""
    workspace_of(request).chat.stop(message_id)
    return _steered(message_id, request)


@router.post(
    "/continue",
    summary="Continue a reply that was cut off",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 429, 502, 503, s200=STREAM),
)
def continue_reply(message_id: ReplyId, request: Request) -> Response:
    """Streams the rest. Event numbers continue from the earlier ones, and the first event is `start`."""
    chat = workspace_of(request).chat
    earlier = chat.live_reply(message_id)
    count = len(earlier.wait(0, timeout_seconds=0))
    # The first new event gets the number of the end.
    return ReplyStream(chat.continue_reply(message_id), after=count - (earlier.ending is not None))


@router.post(
    "/regenerate",
    summary="Regenerate a reply",
    response_class=Response,
    responses=answers(400, 404, 409, 422, 429, 502, 503, s200=STREAM),
    openapi_extra={
        "requestBody": {
            "required": False,
            "description": "Without a body, or with an empty object, the same persona and model answer.",
        }
    },
)
def regenerate_reply(message_id: ReplyId, request: Request, body: AnotherReply | None = None) -> Response:
    """With the same persona and model or with others. The existing reply stays as a sibling."""
    options = body or AnotherReply()
    live_reply = workspace_of(request).branches.regenerate(
        message_id, persona_id=options.persona_id, model=options.model
    )
    return ReplyStream(live_reply)


def _steered(message_id: str, request: Request) -> SteeredReply:
    live_reply = workspace_of(request).chat.live_reply(message_id)
    return SteeredReply(message_id=message_id, state=live_reply.state)
