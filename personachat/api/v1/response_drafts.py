"""A response as it grows: each event of a reply, told as events of the Responses API.

The shape of response and events is that of OpenAI's API reference and of the Open Responses specification
(https://www.openresponses.org). An item begins when something of it comes; a reply without a word is an empty
message. Reasoning is not told.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from personachat.api.v1.errors import envelope
from personachat.api.v1.response_bodies import ResponseBody
from personachat.api.v1.response_items import CallItem, Ended, Event, MessageItem
from personachat.endings import ENDINGS, cut_off_by, end_of
from personachat.messages import (
    Failed,
    Finished,
    ReplyEvent,
    Rethought,
    TextDelta,
    ToolCallsDelta,
    Usage,
    UsageReported,
)
from personachat.providers.base import ChatRequest


class Draft:
    """The response to `body`, for which the provider is asked `request`."""

    def __init__(self, reply_id: str, body: ResponseBody, request: ChatRequest) -> None:
        self._reply_id = reply_id
        self._asked = _asked(body, request)
        self._created_at = int(time.time())
        self._begun = False
        self._items: list[MessageItem | CallItem] = []
        self._message: MessageItem | None = None
        self._calls: dict[int, CallItem] = {}
        self._usage: Usage | None = None

    def take(self, event: ReplyEvent) -> list[Event]:
        """Take the reply's next event; returns what is to be told. The last one ends with the response."""
        events = [] if self._begun else self._begin()
        match event:
            case TextDelta(content):
                events += self._said(content)
            case Rethought():
                if self._message:
                    self._message.forget()
            case ToolCallsDelta(pieces):
                events += self._called(pieces)
            case UsageReported(usage):
                self._usage = usage
            case Finished() | Failed():
                events += self._end(event)
        return events

    def _begin(self) -> list[Event]:
        self._begun = True
        begun = {"response": self._response("in_progress")}
        return [("response.created", begun), ("response.in_progress", begun)]

    def _said(self, text: str) -> list[Event]:
        if self._message:
            return self._message.add(text)
        self._message = MessageItem(self._reply_id, len(self._items))
        self._items.append(self._message)
        return [*self._message.opened(), *self._message.add(text)]

    def _called(self, pieces: Iterable[Mapping[str, Any]]) -> list[Event]:
        """Calls may come side by side, so each lasts to the end; a message before them is over."""
        events = self._message.closed("completed") if self._message else []
        self._message = None
        for piece in pieces:
            if item := self._calls.get(piece["index"]):
                events += item.add(piece)
                continue
            item = self._calls[piece["index"]] = CallItem(self._reply_id, len(self._items))
            self._items.append(item)
            deltas = item.add(piece)
            events += [*item.opened(), *deltas]
        return events

    def _end(self, last: Finished | Failed) -> list[Event]:
        failure, why_incomplete = cut_off_by(last), ENDINGS[end_of(last)].incomplete
        error = failure and {"code": "server_error", "message": envelope(failure)["error"]["message"]}
        if error and not why_incomplete:
            return [("response.failed", {"response": self._response("failed", error=error)})]
        events = [] if self._items else self._said("")
        ended: Ended = "incomplete" if why_incomplete else "completed"
        for item in self._items:
            if item.status == "in_progress":
                events += item.closed(ended if item is self._items[-1] else "completed")
        reason = why_incomplete and {"reason": why_incomplete}
        response = self._response(ended, incomplete_details=reason, error=error)
        return [*events, (f"response.{ended}", {"response": response})]

    def _response(self, status: str, **more: Any) -> dict[str, Any]:
        over = status in {"completed", "incomplete"}
        return {
            "id": f"resp_{self._reply_id}",
            "object": "response",
            "created_at": self._created_at,
            "completed_at": int(time.time()) if status == "completed" else None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "output": [item.as_json() for item in self._items] if over else [],
            "usage": _usage(self._usage) if over else None,
            **self._asked,
            **more,
        }


def _asked(body: ResponseBody, request: ChatRequest) -> dict[str, Any]:
    """What was asked for, with the numbers that the persona's provider gets; 1 is its default."""
    text = body.text.model_dump(exclude_none=True) if body.text else {}
    return {
        "background": False,
        "frequency_penalty": body.frequency_penalty or 0,
        "instructions": body.instructions,
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": None,
        "metadata": body.metadata or {},
        "model": body.model,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "presence_penalty": body.presence_penalty or 0,
        "previous_response_id": None,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {"effort": body.reasoning and body.reasoning.effort, "summary": None},
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": False,
        "temperature": 1 if request.temperature is None else request.temperature,
        "text": {"format": {"type": "text"}, **text},
        "tool_choice": body.tool_choice or "auto",
        "tools": [tool.model_dump() for tool in body.tools or ()],
        "top_logprobs": 0,
        "top_p": 1 if request.top_p is None else request.top_p,
        "truncation": "disabled",
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    """OpenAI's counts; None where the provider did not say."""
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
