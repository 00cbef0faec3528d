"""Calls of tools as they come from a provider: names and ids first, then arguments bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class ToolCall:
    """One call, as far as it has come; `arguments` are JSON as text."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, piece: Mapping[str, Any]) -> str:
        """Take the next piece; returns what it adds to the arguments."""
        self.id = str(piece.get("id") or self.id)
        function = piece.get("function")
        if not isinstance(function, Mapping):
            return ""
        self.name += _text(function.get("name"))
        arguments = _text(function.get("arguments"))
        self.arguments += arguments
        return arguments

    def on_the_wire(self) -> dict[str, Any]:
        """The call as it stands in a message of a chat."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


def indexed(pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pieces that all say to which call they belong: by their place, where the provider did not say."""
    return [
        {**piece, "index": piece["index"] if isinstance(piece.get("index"), int) else number}
        for number, piece in enumerate(pieces)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
