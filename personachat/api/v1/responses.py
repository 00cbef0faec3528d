"""POST /v1/responses: the same for clients that begin with the Responses API, for text.

The shape of answers and events is that of OpenAI's API reference. Nothing is stored, so nothing can be
referred to by the id of an earlier response.
"""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from personachat.api.bodies import services_of
from personachat.api.events import ReplyStream, batches
from personachat.api.v1.bodies import Body, Count, Share, Temperature
from personachat.api.v1.errors import BadRequest, envelope, failure_of
from personachat.completions import Ask
from personachat.errors import ConnectionLost
from personachat.generation import Generation
from personachat.messages import Failed, Finished, ReplyEvent, Started, TextDelta, Usage, UsageReported

router = APIRouter(prefix="/responses", tags=["v1"])

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})


class ResponseBody(Body):
    """POST /v1/responses; `model` is a persona's id."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
    instructions: str | None = None
    stream: bool | None = None
    temperature: Temperature = None
    top_p: Share = None
    max_output_tokens: Count = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    truncation: Literal["disabled"] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    stream_options: dict[str, Any] | None = None
    include: Annotated[list[str], Field(max_length=0)] | None = None
    tools: Annotated[list[dict[str, Any]], Field(max_length=0)] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    parallel_tool_calls: bool | None = None

    def ask(self) -> Ask:
        """What is asked of the persona. Raises BadRequest for what is no text."""
        messages: list[dict[str, Any]] = []
        if self.instructions:
            messages.append({"role": "system", "content": self.instructions})
        if isinstance(self.input, str):
            messages.append({"role": "user", "content": self.input})
        else:
            messages += [_message(item, number) for number, item in enumerate(self.input)]
        more: dict[str, Any] = {}
        text_format = (self.text or {}).get("format")
        if isinstance(text_format, dict) and text_format.get("type") != "text":
            more["response_format"] = _response_format(text_format)
        effort = (self.reasoning or {}).get("effort")
        if effort is not None:
            more["reasoning_effort"] = effort
        if self.user is not None:
            more["user"] = self.user
        return Ask(
            messages,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_output_tokens,
            more=more,
        )


@router.post("", summary="Answer as a persona (Responses API)", response_class=Response)
async def post_response(body: ResponseBody, request: Request) -> Response:
    """`model` is a persona's id; `instructions` follow its own prompt."""
    ask = body.ask()
    generation = await run_in_threadpool(lambda: services_of(request).completions.start(body.model, ask))
    draft = _Draft(generation.id, body)
    if body.stream:
        return ResponseStream(generation, draft)
    return await _whole(generation, draft, request)


class _Draft:
    """A response as it grows."""

    def __init__(self, reply_id: str, body: ResponseBody) -> None:
        self.item_id = f"msg_{reply_id}"
        self._texts: list[str] = []
        self.usage: Usage | None = None
        self._base = {
            "id": f"resp_{reply_id}",
            "object": "response",
            "created_at": int(time.time()),
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata or {},
            "model": body.model,
            "parallel_tool_calls": bool(body.parallel_tool_calls),
            "previous_response_id": None,
            "store": False,
            "temperature": body.temperature,
            "text": body.text or {"format": {"type": "text"}},
            "tool_choice": body.tool_choice or "none",
            "tools": [],
            "top_p": body.top_p,
            "truncation": "disabled",
        }

    @property
    def text(self) -> str:
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return "".join(self._texts)

    def add(self, text: str) -> None:
        self._texts.append(text)

    def item(self, status: str) -> dict[str, Any]:
        content = [self.part()] if status != "in_progress" else []
        return {
            "id": self.item_id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def part(self) -> dict[str, Any]:
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}

    def response(
        self, status: str, *, why: str | None = None, failed: Failed | None = None
    ) -> dict[str, Any]:
        done = status in {"completed", "incomplete"}
        said = "completed" if status == "completed" else "incomplete"
        error = envelope(failed)["error"] if failed else None
        return {
            **self._base,
            "status": status,
            "error": error and {"code": "server_error", "message": error["message"]},
            "incomplete_details": why and {"reason": why},
            "output": [self.item(said)] if done else [],
            "usage": _usage(self.usage) if done else None,
        }

    def end(self, finished: Finished) -> tuple[str, dict[str, Any]]:
        """The last event's name and the whole response."""
        why = _INCOMPLETE.get(finished.reason)
        status = "incomplete" if why else "completed"
        return f"response.{status}", self.response(status, why=why)


class ResponseStream(ReplyStream):
    """The reply as named events, numbered from 0."""

    def __init__(self, generation: Generation, draft: _Draft) -> None:
        super().__init__(generation)
        self._draft = draft
        self._number = -1
        self._place = {"item_id": draft.item_id, "output_index": 0, "content_index": 0}
        self._begun_item = False

    closing = b""

    def refusal(self, failed: Failed) -> Response:
        return failure_of(failed)

    def encode(self, _number: int, event: ReplyEvent) -> str:
        draft = self._draft
        match event:
            case TextDelta(content):
                draft.add(content)
                return self._event("response.output_text.delta", **self._place, delta=content, logprobs=[])
            case Started() if not self._begun_item:
                self._begun_item = True
                begun, item = draft.response("in_progress"), draft.item("in_progress")
                return (
                    self._event("response.created", response=begun)
                    + self._event("response.in_progress", response=begun)
                    + self._event("response.output_item.added", output_index=0, item=item)
                    + self._event("response.content_part.added", **self._place, part=draft.part())
                )
            case UsageReported(usage):
                draft.usage = usage
            case Finished():
                name, response = draft.end(event)
                return (
                    self._event("response.output_text.done", **self._place, text=draft.text, logprobs=[])
                    + self._event("response.content_part.done", **self._place, part=draft.part())
                    + self._event("response.output_item.done", output_index=0, item=response["output"][0])
                    + self._event(name, response=response)
                )
            case Failed():
                return self._event("response.failed", response=draft.response("failed", failed=event))
        return ""

    def _event(self, name: str, **fields: Any) -> str:
        self._number += 1
        data = {"type": name, "sequence_number": self._number, **fields}
        return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def _whole(generation: Generation, draft: _Draft, request: Request) -> Response:
    end: Finished | Failed = Failed.of(ConnectionLost("The reply was interrupted."))
    async for _, events in batches(generation, 0):
        for event in events:
            if isinstance(event, TextDelta):
                draft.add(event.content)
            elif isinstance(event, UsageReported):
                draft.usage = event.usage
            elif isinstance(event, Finished | Failed):
                end = event
        if await request.is_disconnected():
            generation.stop()
    if isinstance(end, Failed):
        return failure_of(end)
    return Response(json.dumps(draft.end(end)[1]), media_type="application/json")


def _message(item: dict[str, Any], number: int) -> dict[str, Any]:
    """One input item as a message. Raises BadRequest for anything but text."""
    param = f"input[{number}]"
    if item.get("type", "message") != "message" or item.get("role") not in {
        "user",
        "assistant",
        "system",
        "developer",
    }:
        raise BadRequest("Only messages of text can be input here.", param=param, reason="invalid_value")
    content = item.get("content")
    if isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)
        for part in content
    ):
        content = "\n".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise BadRequest("Only text can be input here.", param=f"{param}.content", reason="invalid_value")
    return {"role": item["role"], "content": content}


def _response_format(text_format: dict[str, Any]) -> dict[str, Any]:
    if text_format.get("type") != "json_schema":
        return text_format
    schema = {name: value for name, value in text_format.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
