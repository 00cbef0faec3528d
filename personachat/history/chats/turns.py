"""A message of another program, and the conversion of a tree of messages to turns. Pure.

Messages without text are left out; their children move to their parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from personachat.messages import storable
from personachat.personas.fields import free_id

MOST_NAME_CHARACTERS, MOST_TITLE_CHARACTERS, MOST_MODEL_CHARACTERS = 80, 200, 200
_EPOCH = "1970-01-01T00:00:00+00:00"
_MILLISECONDS_FROM = 10**11
"""Larger numbers are milliseconds; as seconds this would be the year 5138."""


@dataclass(slots=True)
class ImportedMessage:
    """One message. `role` is "user", "assistant", or anything else for one that isn't shown."""

    id: str
    parent: str | None
    role: str
    text: str
    moment: str = ""
    model: str = ""
    name: str = ""
    reasoning: str = ""
    children: list[str] = field(default_factory=list)


def conversation(
    messages: Iterable[ImportedMessage],
    *,
    title: Any,
    leaf: str | None,
    persona: str,
    began: Any = None,
    changed: Any = None,
    pinned: bool = False,
    archived: bool = False,
) -> dict[str, Any]:
    """A conversation of our document; `leaf` is the last message of the active branch."""
    by_id = {message.id: message for message in messages}
    above = _shown_above(by_id)
    start = moment(began)
    visible_messages = [message for message in by_id.values() if _is_shown(message)]
    last = above.get(leaf, leaf) if leaf in by_id and not _is_shown(by_id[leaf]) else leaf
    return {
        "title": " ".join(storable(title if isinstance(title, str) else "").split())[:MOST_TITLE_CHARACTERS],
        "createdAt": start or _EPOCH,
        "updatedAt": moment(changed) or start or _EPOCH,
        "leafId": last if last in by_id else None,
        "pinned": pinned,
        "archived": archived,
        "turns": [
            _turn(message, above[message.id], persona, start or _EPOCH) for message in visible_messages
        ],
    }


def moment(value: Any) -> str:
    """Seconds or milliseconds since 1970, or ISO 8601, as ISO 8601; "" for anything else."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).isoformat()
        except ValueError:
            return moment(float(value)) if value.replace(".", "", 1).isdecimal() and len(value) < 20 else ""
    if not isinstance(value, int | float):
        return ""
    try:
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _is_shown(message: ImportedMessage) -> bool:
    return message.role in {"user", "assistant"} and bool(message.text.strip())


def _shown_above(by_id: Mapping[str, ImportedMessage]) -> dict[str, str | None]:
    """For each message, the nearest visible one above it; a circle ends where it began."""
    visible_above: dict[str, str | None] = {}
    for message in by_id.values():
        way = [message.id]
        parent = message.parent
        while parent is not None:
            above = by_id.get(parent)
            if above is None or parent in way[:1]:
                parent = None
            elif _is_shown(above):
                break
            elif parent in visible_above:
                parent = visible_above[parent]
                break
            else:
                visible_above[parent] = None  # found again: it is a circle
                way.append(parent)
                parent = above.parent
        visible_above |= dict.fromkeys(way, parent)
    return visible_above


def _turn(message: ImportedMessage, parent: str | None, persona: str, start: str) -> dict[str, Any]:
    name = " ".join(storable(message.name or persona).split())[:MOST_NAME_CHARACTERS] or persona
    turn: dict[str, Any] = {
        "id": message.id,
        "parentId": parent,
        "role": message.role,
        "content": message.text,
        "personaId": free_id(name, ()),
        "personaName": name,
        "createdAt": message.moment or start,
    }
    if message.role == "assistant":
        turn["reply"] = {
            "state": "finished",
            "model": storable(message.model)[:MOST_MODEL_CHARACTERS],
            "reasoning": message.reasoning,
        }
    return turn
