"""POST /v1/chat/completions: a persona answers an OpenAI client, in one piece or as a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.events import DONE, ReplyStream, batches
from personachat.api.schemas import workspace_of
from personachat.api.v1 import legacy_functions
from personachat.api.v1.bodies import CompletionBody
from personachat.api.v1.errors import ended, envelope, failure_of
from personachat.api.v1.tool_calls import calls_in
from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from personachat.replies.endings import ENDINGS, cut_off_by, end_of
from personachat.replies.live import LiveReply

router = APIRouter(prefix="/chat/completions", tags=["v1"])


@router.post("", summary="Answer as a persona", response_class=Response)
async def create_chat_completion(body: CompletionBody, request: Request) -> Response:
    """`model` is a persona's id. Its prompt and examples come first, then your messages."""
    ask = body.ask()
    completion = await run_in_threadpool(
        lambda: workspace_of(request).complete(body.model, ask, surface="v1_chat")
    )
    if body.stream:
        return CompletionStream(
            completion.live_reply,
            model=body.model,
            reports_usage=body.reports_usage,
            calls_functions=body.calls_functions,
        )
    return await whole(
        completion.live_reply, model=body.model, request=request, calls_functions=body.calls_functions
    )


class CompletionStream(ReplyStream):
    """The reply in chunks with the new text of each; then `[DONE]`, or an error if it is cut off."""

    def __init__(
        self, live_reply: LiveReply, *, model: str, reports_usage: bool, calls_functions: bool = False
    ) -> None:
        super().__init__(live_reply)
        head = {
            "id": f"chatcmpl-{live_reply.id}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._head = json.dumps(head)[:-1]
        self._usage_tail = ', "usage": null' if reports_usage else ""
        self._reports_usage = reports_usage
        self._calls_functions = calls_functions

    def refusal(self, failed: Failed) -> Response:
        return failure_of(failed)

    def closing_after(self, end: ReplyEvent | None) -> bytes:
        return DONE if isinstance(end, Finished) and cut_off_by(end) is None else b""

    def encode(self, _number: int, event: ReplyEvent) -> str:
        match event:
            case ToolCallsDelta(pieces) if self._calls_functions:
                return self._chunk(json.dumps(legacy_functions.called(pieces)))
            case TextDelta() | ReasoningDelta() | ToolCallsDelta() | Started():
                return self._chunk(_delta(event))
            case Finished() | Failed():
                return self._end(ended(event))
        return ""

    def _end(self, event: Finished | Failed) -> str:
        if failure := cut_off_by(event):
            return f"data: {json.dumps(envelope(failure))}\n\n"
        reason = _finish_reason(event, calls_functions=self._calls_functions)
        return self._chunk("{}", reason=reason) + self._last()

    def _chunk(self, delta: str, *, reason: str | None = None) -> str:
        finish = f'"{reason}"' if reason else "null"
        choice = f'{{"index": 0, "delta": {delta}, "logprobs": null, "finish_reason": {finish}}}'
        return f'data: {self._head}, "choices": [{choice}]{self._usage_tail}}}\n\n'

    def _last(self) -> str:
        if not self._reports_usage:
            return ""
        usage = json.dumps(usage_of(self._live_reply.snapshot().usage))
        return f'data: {self._head}, "choices": [], "usage": {usage}}}\n\n'


async def whole(
    live_reply: LiveReply, *, model: str, request: Request, calls_functions: bool = False
) -> Response:
    """The reply in one piece once it has ended. If the client disconnects, nobody waits for it."""
    async for _ in batches(live_reply, 0):
        if await request.is_disconnected():
            live_reply.stop()
    reply, end = live_reply.snapshot(), live_reply.ending and ended(live_reply.ending)
    if failure := cut_off_by(end):
        return failure_of(failure)
    calls = calls_in(live_reply.wait(0, timeout_seconds=0))
    choice = {
        "index": 0,
        "message": _message(reply, calls, calls_functions=calls_functions),
        "logprobs": None,
        "finish_reason": _finish_reason(end, calls_functions=calls_functions),
    }
    answer = {
        "id": f"chatcmpl-{live_reply.id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
        "usage": usage_of(reply.usage),
    }
    return Response(json.dumps(answer), media_type="application/json")


def _message(reply: Reply, calls: Sequence[Mapping[str, Any]], *, calls_functions: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if calls:
        message["content"] = reply.text or None
        message |= legacy_functions.called(calls[:1]) if calls_functions else {"tool_calls": calls}
    return message


def _delta(event: TextDelta | ReasoningDelta | ToolCallsDelta | Started) -> str:
    if isinstance(event, TextDelta):
        return f'{{"content": {encode_basestring_ascii(event.content)}}}'
    if isinstance(event, ReasoningDelta):
        return f'{{"reasoning_content": {encode_basestring_ascii(event.content)}}}'
    if isinstance(event, ToolCallsDelta):
        return json.dumps({"tool_calls": event.calls})
    return '{"role": "assistant", "content": ""}'


def _finish_reason(event: Finished | Failed | None, *, calls_functions: bool) -> str | None:
    reason = ENDINGS[end_of(event)].finish_reason
    return "function_call" if calls_functions and reason == "tool_calls" else reason


def usage_of(usage: Usage | None) -> dict[str, Any] | None:
    """OpenAI's counts; None if the provider reported none."""
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }
