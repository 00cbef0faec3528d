"""What a response is made of: messages and function calls, each with the events that tell how it grows.

An item begins "in_progress" with opened() and gets its last status with closed(); its content is in its JSON
from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from personachat.api.v1.tool_calls import ToolCall

Event: TypeAlias = tuple[str, dict[str, Any]]
"""An event's name, and what it tells beyond name and number."""

Ended: TypeAlias = Literal["completed", "incomplete"]


class MessageItem:
    """Text of the assistant's, in one part."""

    def __init__(self, reply_id: str, index: int) -> None:
        self.status: Ended | Literal["in_progress"] = "in_progress"
        self._id = f"msg_{reply_id}_{index}"
        self._index = index
        self._place = {"item_id": self._id, "output_index": index, "content_index": 0}
        self._texts: list[str] = []

    def opened(self) -> list[Event]:
        return [
            ("response.output_item.added", {"output_index": self._index, "item": self.as_json()}),
            ("response.content_part.added", {**self._place, "part": self._part()}),
        ]

    def add(self, text: str) -> list[Event]:
        self._texts.append(text)
        if not text:
            return []
        return [("response.output_text.delta", {**self._place, "delta": text, "logprobs": []})]

    def forget(self) -> None:
        """What it said was reasoning: the item holds what comes now."""
        self._texts.clear()

    def closed(self, status: Ended) -> list[Event]:
        self.status = status
        part = self._part()
        return [
            ("response.output_text.done", {**self._place, "text": part["text"], "logprobs": []}),
            ("response.content_part.done", {**self._place, "part": part}),
            ("response.output_item.done", {"output_index": self._index, "item": self.as_json()}),
        ]

    def as_json(self) -> dict[str, Any]:
        content = [] if self.status == "in_progress" else [self._part()]
        head = {"id": self._id, "type": "message", "role": "assistant"}
        return {**head, "status": self.status, "content": content}

    def _part(self) -> dict[str, Any]:
        return {"type": "output_text", "text": "".join(self._texts), "annotations": [], "logprobs": []}


class CallItem:
    """A call of one of the caller's functions; it gets an id of its own where the provider gives none."""

    def __init__(self, reply_id: str, index: int) -> None:
        self.status: Ended | Literal["in_progress"] = "in_progress"
        self._id = f"fc_{reply_id}_{index}"
        self._index = index
        self._place = {"item_id": self._id, "output_index": index}
        self._call = ToolCall(f"call_{reply_id}_{index}")

    def opened(self) -> list[Event]:
        """To be told before the deltas, and asked once the first piece has come: it has the name."""
        return [("response.output_item.added", {"output_index": self._index, "item": self.as_json()})]

    def add(self, piece: Mapping[str, Any]) -> list[Event]:
        arguments = self._call.add(piece)
        if not arguments:
            return []
        return [("response.function_call_arguments.delta", {**self._place, "delta": arguments})]

    def closed(self, status: Ended) -> list[Event]:
        self.status = status
        told = {**self._place, "name": self._call.name, "arguments": self._call.arguments}
        return [
            ("response.function_call_arguments.done", told),
            ("response.output_item.done", {"output_index": self._index, "item": self.as_json()}),
        ]

    def as_json(self) -> dict[str, Any]:
        arguments = "" if self.status == "in_progress" else self._call.arguments
        head = {"id": self._id, "type": "function_call", "status": self.status}
        return {**head, "call_id": self._call.id, "name": self._call.name, "arguments": arguments}
