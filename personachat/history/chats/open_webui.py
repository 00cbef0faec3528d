"""Open WebUI's export of chats: a list of chats, each with its history as a tree."""

from __future__ import annotations

import re
from typing import Any

from personachat.history.chats.turns import ImportedMessage, conversation, moment
from personachat.personas.formats.sketches import content_text, mapping, objects

PERSONA = "Open WebUI"

_REASONING = re.compile(r'<details type="reasoning"[^>]{0,500}>(.*?)</details>\s*', re.DOTALL)
_SUMMARY = re.compile(r"<summary>[^<]{0,500}</summary>")


def matches(value: Any) -> bool:
    chat = mapping(mapping(value).get("chat"))
    return isinstance(chat.get("history"), dict) or isinstance(chat.get("messages"), list)


def convert(value: dict[str, Any]) -> dict[str, Any]:
    chat = mapping(value["chat"])
    history = mapping(chat.get("history"))
    message_map = mapping(history.get("messages"))
    messages = [_message(key, mapping(each)) for key, each in message_map.items()] or _in_a_row(chat)
    leaf = history.get("currentId")
    leaf = leaf if isinstance(leaf, str) and leaf in message_map else messages[-1].id if messages else None
    return conversation(
        messages,
        title=value.get("title") or chat.get("title"),
        leaf=leaf,
        persona=PERSONA,
        began=value.get("created_at") or chat.get("timestamp"),
        changed=value.get("updated_at"),
        pinned=value.get("pinned") is True,
        archived=value.get("archived") is True,
    )


def _in_a_row(chat: dict[str, Any]) -> list[ImportedMessage]:
    """The messages of a chat without a tree."""
    row_of_messages: list[ImportedMessage] = []
    for number, each in enumerate(objects(chat.get("messages"))):
        message = _message(str(number), each)
        message.parent = row_of_messages[-1].id if row_of_messages else None
        row_of_messages.append(message)
    return row_of_messages


def _message(key: str, value: dict[str, Any]) -> ImportedMessage:
    parent = value.get("parentId")
    text = content_text(value.get("content"))
    thoughts = _REASONING.findall(text)
    reasoning = "\n".join(_SUMMARY.sub("", each).strip() for each in thoughts)
    model = value.get("model")
    name = value.get("modelName")
    return ImportedMessage(
        key[:200],
        parent[:200] if isinstance(parent, str) else None,
        str(value.get("role") or ""),
        _REASONING.sub("", text) if thoughts else text,
        moment(value.get("timestamp")),
        model if isinstance(model, str) else "",
        name if isinstance(name, str) else "",
        re.sub(r"^(?:> ?|&gt; ?)", "", reasoning, flags=re.MULTILINE),
    )
