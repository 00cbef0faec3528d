"""POST /v1/responses: the same for clients that speak the Responses API, whole or as named events."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.bodies import services_of
from personachat.api.events import ReplyStream, batches
from personachat.api.v1.errors import ended, failure_of
from personachat.api.v1.response_bodies import ResponseBody
from personachat.api.v1.response_drafts import Draft
from personachat.endings import INTERRUPTED, cut_off_by
from personachat.generation import Generation
from personachat.messages import Failed, Finished, ReplyEvent

router = APIRouter(prefix="/responses", tags=["v1"])


@router.post("", summary="Answer as a persona (Responses API)", response_class=Response)
async def post_response(body: ResponseBody, request: Request) -> Response:
    """`model` is a persona's id; `instructions` follow its own prompt.

    Text, images and function tools go to the persona's model; other tools are refused. Nothing is stored,
    whatever `store` says, so an earlier response cannot be referred to.
    """
    ask = body.ask()
    completion = await run_in_threadpool(lambda: services_of(request).completions.start(body.model, ask))
    draft = Draft(completion.generation.id, body, completion.request)
    if body.stream:
        return ResponseStream(completion.generation, draft)
    return await _whole(completion.generation, draft, request)


class ResponseStream(ReplyStream):
    """The reply as named events, numbered from 0."""

    def __init__(self, generation: Generation, draft: Draft) -> None:
        super().__init__(generation)
        self._draft = draft
        self._number = -1

    def closing_after(self, _end: ReplyEvent | None) -> bytes:
        return b""

    def refusal(self, failed: Failed) -> Response:
        return failure_of(failed)

    def encode(self, _number: int, event: ReplyEvent) -> str:
        if isinstance(event, Failed):
            event = ended(event)
        return "".join(self._event(name, told) for name, told in self._draft.take(event))

    def _event(self, name: str, told: dict[str, Any]) -> str:
        self._number += 1
        data = {"type": name, "sequence_number": self._number, **told}
        return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def _whole(generation: Generation, draft: Draft, request: Request) -> Response:
    """The response in one piece, once it has ended; nobody waits for it once the client has left."""
    end: Finished | Failed | None = None
    async for _, events in batches(generation, 0):
        for event in events:
            if isinstance(event, Finished | Failed):
                end = ended(event)
            else:
                draft.take(event)
        if await request.is_disconnected():
            generation.stop()
    failure = cut_off_by(end)
    if failure or end is None:
        return failure_of(failure or INTERRUPTED)
    _, told = draft.take(end)[-1]
    return Response(json.dumps(told["response"]), media_type="application/json")
