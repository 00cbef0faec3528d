"""The input of a response as the messages of a chat.

Items are messages of text and images, reasoning, function calls and their outputs. Calls, and the assistant's
text right before and after them, become one message, as the model wrote them: anything between calls and
their outputs would be refused. Reasoning goes back with the calls that followed it, since reasoning models
want it with the outputs; other reasoning is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from personachat.api.v1.errors import BadRequest
from personachat.api.v1.reasoning_content import unpacked

_ROLES = frozenset({"user", "assistant", "system", "developer"})
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})
_ADDRESSES = ("data:", "http://", "https://")

Message = dict[str, Any]


def messages_of(
    items: Sequence[Mapping[str, Any]], *, earlier: Sequence[Mapping[str, Any]] = ()
) -> list[Message]:
    """Translate the input after the earlier items. Raises BadRequest for what a chat can't express."""
    messages: list[Message] = []
    thoughts: list[str] = []
    for number, item in enumerate((*earlier, *items), -len(earlier)):
        param = f"input[{number}]"
        kind = item.get("type") or "message"
        match kind:
            case "message":
                _say(_message(item, param), messages)
            case "function_call":
                _call(item, param, messages)
                _think(thoughts, messages)
            case "function_call_output":
                messages.append(_output(item, param))
            case "reasoning":
                thoughts.append(_reasoning(item))
            case _:
                raise _refused(
                    "Only messages, reasoning, function calls and their outputs are accepted as input.", param
                )
        if kind != "reasoning" and messages[-1]["role"] != "assistant":
            thoughts.clear()  # no call followed it
    return messages


def _reasoning(item: Mapping[str, Any]) -> str:
    """The text of the reasoning, wherever the item has it."""
    for name in ("content", "summary"):
        parts = item.get(name)
        if not isinstance(parts, list):
            continue
        texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
        if text := "\n\n".join(text for text in texts if isinstance(text, str)):
            return text
    return unpacked(item.get("encrypted_content"))


def _think(thoughts: list[str], messages: list[Message]) -> None:
    """Add earlier reasoning to the assistant's message that makes calls."""
    if text := "".join(thoughts):
        messages[-1]["reasoning_content"] = messages[-1].get("reasoning_content", "") + text
    thoughts.clear()


def _message(item: Mapping[str, Any], param: str) -> Message:
    role = item.get("role")
    if role not in _ROLES:
        raise _refused("A message's role must be user, assistant, system or developer.", f"{param}.role")
    return {"role": role, "content": _content(item.get("content"), f"{param}.content", images=role == "user")}


def _say(message: Message, messages: list[Message]) -> None:
    """Add a message, or its text to the assistant's message before it if that makes calls."""
    if message["role"] == "assistant" and messages and "tool_calls" in messages[-1]:
        messages[-1]["content"] = (messages[-1]["content"] or "") + message["content"]
    else:
        messages.append(message)


def _call(item: Mapping[str, Any], param: str, messages: list[Message]) -> None:
    """Add a call to the assistant's message before it, or to a new one."""
    function = {name: _text(item, name, param) for name in ("name", "arguments")}
    call = {"id": _text(item, "call_id", param), "type": "function", "function": function}
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)


def _output(item: Mapping[str, Any], param: str) -> Message:
    content = _content(item.get("output"), f"{param}.output", images=False)
    return {"role": "tool", "tool_call_id": _text(item, "call_id", param), "content": content}


def _content(content: Any, param: str, *, images: bool) -> str | list[dict[str, Any]]:
    """Text as a string, also if it came in parts; with images, a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise _refused("Content must be text or a list of parts.", param)
    parts = [_part(part, f"{param}[{number}]", images=images) for number, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _part(part: Any, param: str, *, images: bool) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": _text(part, "text", param)}
    if kind == "input_image" and images:
        return {"type": "image_url", "image_url": _image(part, param)}
    raise _refused("Only text, and images from the user, are accepted as input.", param)


def _image(part: Mapping[str, Any], param: str) -> dict[str, Any]:
    """The image as it was given. Whether and how it is fetched is up to the provider."""
    url = part.get("image_url")
    if not isinstance(url, str) or not url.lower().startswith(_ADDRESSES):
        raise _refused("An image must be a data:, http: or https: URL.", f"{param}.image_url")
    return {"url": url} | ({"detail": part["detail"]} if part.get("detail") else {})


def _text(item: Mapping[str, Any], name: str, param: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise _refused("It must be text.", f"{param}.{name}")
    return value


def _refused(message: str, param: str) -> BadRequest:
    return BadRequest(f"Invalid value for '{param}'. {message}", param=param, reason="invalid_value")
