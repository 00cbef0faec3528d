"""POST /v1/responses: for clients of the Responses API, in one piece or as named events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.events import ReplyStream, batches
from personachat.api.schemas import services_of, workspace_of
from personachat.api.v1 import response_references
from personachat.api.v1.errors import ended, failure_of
from personachat.api.v1.response_bodies import ResponseBody
from personachat.api.v1.response_drafts import PendingResponse
from personachat.errors import PersonaChatError
from personachat.messages import Failed, Finished, ReplyEvent
from personachat.replies.endings import INTERRUPTED, cut_off_by
from personachat.replies.live import LiveReply

router = APIRouter(prefix="/responses", tags=["v1"])


NOTICE = "x-personachat-notice"
"""The header that says which parts of a request were left out."""


@router.post("", summary="Answer as a persona (Responses API)", response_class=Response)
async def create_response(body: ResponseBody, request: Request) -> Response:
    """`model` is a persona's id. `instructions` follow its own prompt.

    Text, images and function tools go to the persona's model. Other tools are left out if there are also
    functions (see the header `X-PersonaChat-Notice`), and refused if there are none. You can follow a
    response or refer to its items for an hour, unless you send `store: false`.
    """
    begun = await run_in_threadpool(_begin, body, request)
    answer = ResponseStream(*begun) if body.stream else await _whole(*begun[:2], request, keep=begun[2])
    if body.left_out:
        kinds = ", ".join(kind if _TYPE.fullmatch(kind) else "?" for kind in body.left_out[:10])
        answer.headers[NOTICE] = f"Left out because only function tools are supported: {kinds}"
    return answer


_TYPE = re.compile("[A-Za-z0-9_.-]{1,64}")


def _begin(body: ResponseBody, request: Request) -> tuple[LiveReply, PendingResponse, Callable[[], None]]:
    """Ask the persona. Returns the reply, its draft, and what stores it when it ends. Blocks."""
    services, workspace = services_of(request), workspace_of(request)
    owner = workspace.owner
    resolved = response_references.resolve_references(body, services.kept_responses, owner)
    completion = workspace.complete(
        body.model, body.ask(resolved.items, earlier=resolved.earlier), surface="v1_responses"
    )
    live_reply = completion.live_reply
    draft = PendingResponse(live_reply.id, body, completion.request)

    def keep() -> None:
        if body.is_kept and draft.is_whole:
            with suppress(PersonaChatError):  # the answer is sent anyway; the log has the reason
                services.kept_responses.keep(owner, resolved.response(live_reply.id, draft.output))

    return live_reply, draft, keep


class ResponseStream(ReplyStream):
    """The reply as named events, numbered from 0."""

    def __init__(
        self, live_reply: LiveReply, draft: PendingResponse, keep: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(live_reply)
        self._draft = draft
        self._keep = keep
        self._number = -1

    def closing_after(self, _end: ReplyEvent | None) -> bytes:
        return b""

    def refusal(self, failed: Failed) -> Response:
        return failure_of(failed)

    async def ending(self) -> None:
        """Store it before its end is sent: the next request may follow at once, on another server."""
        await run_in_threadpool(self._keep)

    def encode(self, _number: int, event: ReplyEvent) -> str:
        if isinstance(event, Failed):
            event = ended(event)
        return "".join(self._event(name, payload) for name, payload in self._draft.take(event))

    def _event(self, name: str, payload: dict[str, Any]) -> str:
        self._number += 1
        data = {"type": name, "sequence_number": self._number, **payload}
        return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def _whole(
    live_reply: LiveReply,
    draft: PendingResponse,
    request: Request,
    *,
    keep: Callable[[], None] = lambda: None,
) -> Response:
    """The response in one piece once it has ended. If the client disconnects, nobody waits for it."""
    end: Finished | Failed | None = None
    async for _, events in batches(live_reply, 0):
        for event in events:
            if isinstance(event, Finished | Failed):
                end = ended(event)
            else:
                draft.take(event)
        if await request.is_disconnected():
            live_reply.stop()
    failure = cut_off_by(end)
    if failure or end is None:
        return failure_of(failure or INTERRUPTED)
    _, response = draft.take(end)[-1]
    await run_in_threadpool(keep)
    return Response(json.dumps(response["response"]), media_type="application/json")
