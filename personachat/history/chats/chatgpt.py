"""ChatGPT's data export: conversations.json, a list of trees of messages."""

from __future__ import annotations

from typing import Any

from personachat.history.chats.turns import ImportedMessage, conversation, moment
from personachat.history.markdown import fenced
from personachat.personas.formats.sketches import mapping, objects

PERSONA = "ChatGPT"


def matches(value: Any) -> bool:
    return isinstance(mapping(value).get("mapping"), dict)


def convert(value: dict[str, Any]) -> dict[str, Any]:
    messages = [_message(key, mapping(node)) for key, node in value["mapping"].items()]
    leaf = value.get("current_node")
    return conversation(
        messages,
        title=value.get("title"),
        leaf=leaf if isinstance(leaf, str) else None,
        persona=PERSONA,
        began=value.get("create_time"),
        changed=value.get("update_time"),
        archived=value.get("is_archived") is True,
    )


def _message(key: str, node: dict[str, Any]) -> ImportedMessage:
    message = mapping(node.get("message"))
    metadata = mapping(message.get("metadata"))
    role = str(mapping(message.get("author")).get("role") or "")
    is_hidden = metadata.get("is_visually_hidden_from_conversation") is True
    if is_hidden or message.get("recipient") not in (None, "all"):
        role = "hidden"
    parent = node.get("parent")
    model = metadata.get("model_slug")
    return ImportedMessage(
        key[:200],
        parent[:200] if isinstance(parent, str) else None,
        role,
        _text(mapping(message.get("content"))),
        moment(message.get("create_time")),
        model if isinstance(model, str) else "",
    )


def _text(content: dict[str, Any]) -> str:
    kind = str(content.get("content_type"))
    if kind in {"thoughts", "reasoning_recap", "user_editable_context", "model_editable_context"}:
        return ""
    parts = content.get("parts")
    if not isinstance(parts, list):
        text = content.get("text")
        if not isinstance(text, str):
            return ""
        return fenced(text) if kind == "code" and text else text
    texts = [part for part in parts if isinstance(part, str)]
    texts += [text for part in objects(parts) if isinstance(text := part.get("text"), str)]
    pictures = sum("asset_pointer" in part for part in objects(parts))
    if pictures:
        texts.append("[picture]" if pictures == 1 else f"[{pictures} pictures]")
    return "\n\n".join(part for part in texts if part.strip())
