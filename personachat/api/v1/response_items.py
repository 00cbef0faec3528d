"""The parts of a response: messages, reasoning and calls, with the events that report their growth.

An item begins "in_progress" with opened() and gets its last status with closed(), after which its JSON
contains its content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from personachat.api.v1.reasoning_content import packed
from personachat.api.v1.tool_calls import ToolCall

Event: TypeAlias = tuple[str, dict[str, Any]]
"""An event's name, and its fields besides name and number."""

Ended: TypeAlias = Literal["completed", "incomplete"]


class MessageItem:
    """The assistant's text, in one part."""

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

    def forget(self) -> str:
        """Its text, which was reasoning. The item holds what comes now."""
        text = "".join(self._texts)
        self._texts.clear()
        return text

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


class ReasoningItem:
    """The model's reasoning, as it is or `as_summary`; also packed if requested."""

    def __init__(self, reply_id: str, index: int, *, as_summary: bool, encrypted: bool) -> None:
        self.status: Ended | Literal["in_progress"] = "in_progress"
        self._id = f"rs_{reply_id}_{index}"
        self._index = index
        self._as_summary = as_summary
        self._encrypted = encrypted
        self._place = {"item_id": self._id, "output_index": index}
        self._place |= {"summary_index": 0} if as_summary else {"content_index": 0}
        self._part_event = "response.reasoning_summary_part" if as_summary else "response.content_part"
        self._text_event = "response.reasoning_summary_text" if as_summary else "response.reasoning_text"
        self._texts: list[str] = []

    def opened(self) -> list[Event]:
        return [
            ("response.output_item.added", {"output_index": self._index, "item": self.as_json()}),
            (f"{self._part_event}.added", {**self._place, "part": self._part()}),
        ]

    def add(self, text: str) -> list[Event]:
        self._texts.append(text)
        return [(f"{self._text_event}.delta", {**self._place, "delta": text})] if text else []

    def closed(self, status: Ended) -> list[Event]:
        self.status = status
        part = self._part()
        return [
            (f"{self._text_event}.done", {**self._place, "text": part["text"]}),
            (f"{self._part_event}.done", {**self._place, "part": part}),
            ("response.output_item.done", {"output_index": self._index, "item": self.as_json()}),
        ]

    def as_json(self) -> dict[str, Any]:
        parts = [] if self.status == "in_progress" else [self._part()]
        item: dict[str, Any] = {"summary": parts} if self._as_summary else {"summary": [], "content": parts}
        if self._encrypted and parts:
            item["encrypted_content"] = packed(parts[0]["text"])
        return {"id": self._id, "type": "reasoning", "status": self.status, **item}

    def _part(self) -> dict[str, Any]:
        kind = "summary_text" if self._as_summary else "reasoning_text"
        return {"type": kind, "text": "".join(self._texts)}


class CallItem:
    """A call of one of the caller's functions. It gets an id here if the provider gives none."""

    def __init__(self, reply_id: str, index: int) -> None:
        self.status: Ended | Literal["in_progress"] = "in_progress"
        self._id = f"fc_{reply_id}_{index}"
        self._index = index
        self._place = {"item_id": self._id, "output_index": index}
        self._call = ToolCall(f"call_{reply_id}_{index}")

    def opened(self) -> list[Event]:
        """The event before the deltas. Call it once the first piece has come: it has the name."""
        return [("response.output_item.added", {"output_index": self._index, "item": self.as_json()})]

    def add(self, piece: Mapping[str, Any]) -> list[Event]:
        arguments = self._call.add(piece)
        if not arguments:
            return []
        return [("response.function_call_arguments.delta", {**self._place, "delta": arguments})]

    def closed(self, status: Ended) -> list[Event]:
        self.status = status
        item = {**self._place, "name": self._call.name, "arguments": self._call.arguments}
        return [
            ("response.function_call_arguments.done", item),
            ("response.output_item.done", {"output_index": self._index, "item": self.as_json()}),
        ]

    def as_json(self) -> dict[str, Any]:
        arguments = "" if self.status == "in_progress" else self._call.arguments
        head = {"id": self._id, "type": "function_call", "status": self.status}
        return {**head, "call_id": self._call.id, "name": self._call.name, "arguments": arguments}
