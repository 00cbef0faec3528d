"""Tool calls as they come from a provider: names and ids first, then the arguments in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from personachat.messages import ReplyEvent, ToolCallsDelta

_OF_A_CALL = frozenset({"index", "id", "type", "function"})


@dataclass(slots=True)
class ToolCall:
    """One call so far; `arguments` is JSON text."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    """Other keys of the provider's, which it may want back."""

    def add(self, piece: Mapping[str, Any]) -> str:
        """Add the next piece; returns what it adds to the arguments."""
        self.id = str(piece.get("id") or self.id)
        self.more |= {key: value for key, value in piece.items() if key not in _OF_A_CALL}
        function = piece.get("function")
        if not isinstance(function, Mapping):
            return ""
        self.name += _text(function.get("name"))
        arguments = _text(function.get("arguments"))
        self.arguments += arguments
        return arguments

    def on_the_wire(self) -> dict[str, Any]:
        """The call in the form it has in a message."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function, **self.more}


def calls_in(events: Iterable[ReplyEvent]) -> list[dict[str, Any]]:
    """The calls of a reply, in order, in the form they have in a message."""
    calls: dict[int, ToolCall] = {}
    for event in events:
        if isinstance(event, ToolCallsDelta):
            for piece in event.calls:
                calls.setdefault(piece["index"], ToolCall()).add(piece)
    return [calls[index].on_the_wire() for index in sorted(calls)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
