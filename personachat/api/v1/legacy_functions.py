"""OpenAI's functions, the predecessors of tools: what an old program sends and gets back.

A provider only ever sees tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]


def tools_of(
    functions: Sequence[Mapping[str, Any]], choice: str | Mapping[str, Any] | None
) -> dict[str, Any]:
    """The functions as tools that are called one at a time, and the tool choice."""
    tools = {
        "tools": [{"type": "function", "function": function} for function in functions],
        "parallel_tool_calls": False,
    }
    if choice is None:
        return tools
    tool_choice = choice if isinstance(choice, str) else {"type": "function", "function": dict(choice)}
    return {**tools, "tool_choice": tool_choice}


def messages_of(messages: Sequence[Message]) -> list[Message]:
    """The messages, with function calls and their results as tool calls."""
    converted: list[Message] = []
    last_id = ""
    for number, message in enumerate(messages):
        call = message.get("function_call")
        if message["role"] == "assistant" and isinstance(call, Mapping):
            last_id = f"call_{number}"
            rest = {name: value for name, value in message.items() if name != "function_call"}
            tool_call = {"id": last_id, "type": "function", "function": dict(call)}
            converted.append({"content": None, **rest, "tool_calls": [tool_call]})
        elif message["role"] == "function" and last_id:
            converted.append({"role": "tool", "tool_call_id": last_id, "content": message.get("content")})
        else:
            converted.append(message)
    return converted


def called(pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first call in pieces of calls, in the form of a delta or a message."""
    functions = [piece["function"] for piece in pieces if piece.get("index", 0) == 0 and "function" in piece]
    return {"function_call": functions[0]} if functions else {}
