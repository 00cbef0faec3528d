"""A response as it grows: the events of a reply as events of the Responses API.

The shapes are those of OpenAI's API reference and of the Open Responses specification
(https://www.openresponses.org). An item begins with its first content and ends when one of another kind
begins. Calls may be side by side and last until the end. A reply without text is an empty message.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from personachat.api.v1.errors import envelope
from personachat.api.v1.response_bodies import ResponseBody
from personachat.api.v1.response_items import CallItem, Ended, Event, MessageItem, ReasoningItem
from personachat.messages import (
    Failed,
    Finished,
    ReasoningDelta,
    ReplyEvent,
    Rethought,
    TextDelta,
    ToolCallsDelta,
    Usage,
    UsageReported,
)
from personachat.providers.base import ChatRequest
from personachat.replies.endings import ENDINGS, cut_off_by, end_of


class PendingResponse:
    """The response to `body`. The provider gets `request`."""

    def __init__(self, reply_id: str, body: ResponseBody, request: ChatRequest) -> None:
        self._reply_id = reply_id
        self._request_fields = _request_fields(body, request)
        self._created_at = int(time.time())
        self._body = body
        self._begun = self._ended = False
        self._items: list[MessageItem | ReasoningItem | CallItem] = []
        self._open: MessageItem | ReasoningItem | None = None
        self._calls: dict[int, CallItem] = {}
        self._usage: Usage | None = None

    @property
    def output(self) -> list[dict[str, Any]]:
        """The items as they are now."""
        return [item.as_json() for item in self._items]

    @property
    def is_whole(self) -> bool:
        """Whether it ended without an error."""
        return self._ended

    def take(self, event: ReplyEvent) -> list[Event]:
        """Add the reply's next event; returns the events to send. The last one ends with the response."""
        events = [] if self._begun else self._begin()
        match event:
            case TextDelta(content):
                events += self._text_events(content)
            case ReasoningDelta(content):
                events += self._thought(content)
            case Rethought():
                events += self._rethought()
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

    def _text_events(self, text: str) -> list[Event]:
        if isinstance(self._open, MessageItem):
            return self._open.add(text)
        return self._goes_on(MessageItem(self._reply_id, len(self._items)), text)

    def _thought(self, text: str) -> list[Event]:
        if isinstance(self._open, ReasoningItem):
            return self._open.add(text)
        item = ReasoningItem(
            self._reply_id,
            len(self._items),
            as_summary=self._body.tells_summary,
            encrypted=self._body.tells_encrypted_reasoning,
        )
        return self._goes_on(item, text)

    def _goes_on(self, item: MessageItem | ReasoningItem, text: str) -> list[Event]:
        """Begin an item and end the one before it."""
        events = self._open.closed("completed") if self._open else []
        self._items.append(item)
        self._open = item
        return [*events, *item.opened(), *item.add(text)]

    def _rethought(self) -> list[Event]:
        """The message's text was reasoning: a reasoning item takes its place."""
        message = self._open
        if not isinstance(message, MessageItem) or not (text := message.forget()):
            return []
        self._open = None
        events = self._thought(text)
        if self._open:
            events += self._open.closed("completed")
        self._open = message
        return events

    def _called(self, pieces: Iterable[Mapping[str, Any]]) -> list[Event]:
        events = self._open.closed("completed") if self._open else []
        self._open = None
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
        has_words = any(not isinstance(item, ReasoningItem) for item in self._items)
        events = [] if has_words else self._text_events("")
        ended: Ended = "incomplete" if why_incomplete else "completed"
        for item in self._items:
            if item.status == "in_progress":
                events += item.closed(ended if item is self._items[-1] else "completed")
        self._ended = True
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
            "output": self.output if over else [],
            "usage": _usage(self._usage) if over else None,
            **self._request_fields,
            **more,
        }


def _request_fields(body: ResponseBody, request: ChatRequest) -> dict[str, Any]:
    """The request's parameters, with the numbers that the provider gets; 1 is its default."""
    text = body.text.model_dump(exclude_none=True) if body.text else {}
    return {
        "background": False,
        "frequency_penalty": body.frequency_penalty or 0,
        "instructions": body.instructions,
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": body.max_tool_calls,
        "metadata": body.metadata or {},
        "model": body.model,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "presence_penalty": body.presence_penalty or 0,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {"effort": body.reasoning and body.reasoning.effort, "summary": None},
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": body.is_kept,
        "temperature": 1 if request.temperature is None else request.temperature,
        "text": {"format": {"type": "text"}, **text},
        "tool_choice": body.tool_choice or "auto",
        "tools": [tool.as_json() for tool in body.functions],
        "top_logprobs": 0,
        "top_p": 1 if request.top_p is None else request.top_p,
        "truncation": body.truncation or "disabled",
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    """OpenAI's counts; None if the provider reported none."""
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
