"""A complete reply as one JSON answer, for callers that want no stream."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from personachat.api.errors import problem_of_reply
from personachat.api.events import ReplyStream, batches
from personachat.api.schemas import ResponseModel, TokenCount, token_count
from personachat.messages import Failed, FinishReason
from personachat.replies.endings import INTERRUPTED, STOPPED


class WholeReply(ResponseModel):
    """Everything that a stream would have sent."""

    conversation_id: str
    message_id: str
    persona_id: str
    provider: str
    model: str
    content: str
    reasoning: str
    finish_reason: FinishReason | None
    usage: TokenCount | None
    cost_usd: float | None


def is_wanted(request: Request) -> bool:
    """Whether the caller wants JSON and no stream; one that accepts anything gets a stream."""
    accepted = {part.split(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
    return "application/json" in accepted and not accepted & {"text/event-stream", "text/*", "*/*"}


class WholeAnswer(ReplyStream):
    """Answers when the reply has ended. A failed one is an error, with the text so far."""

    async def _stream(self, _writer: Any, _start_soon: Callable[..., object]) -> Response:
        begun = False
        async with aclosing(batches(self._live_reply, 0)) as numbered:
            async for _, events in numbered:
                if not begun and isinstance(events[0], Failed):
                    await anyio.to_thread.run_sync(self._on_refused)
                    return self.refusal(events[0])
                begun = True
        reply = self._live_reply.snapshot()
        whole_reply = WholeReply(
            conversation_id=self._live_reply.conversation_id,
            message_id=self._live_reply.id,
            persona_id=self._live_reply.persona_id,
            provider=reply.provider,
            model=reply.model,
            content=reply.text,
            reasoning=reply.reasoning,
            finish_reason=reply.finish_reason,
            usage=token_count(reply.usage) if reply.usage else None,
            cost_usd=reply.cost_usd,
        ).model_dump(by_alias=True, mode="json")
        failed = {"interrupted": INTERRUPTED, "stopped": STOPPED}.get(reply.state, reply.error)
        return problem_of_reply(failed, extra=whole_reply) if failed else JSONResponse(whole_reply)
