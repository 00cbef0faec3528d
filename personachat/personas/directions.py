"""Directions: how to play a persona according to its character card, besides its prompt. Pure.

They stay where the card had them: the nickname and the instructions for after the history in the card that
the persona keeps, the character's note in the extension `depth_prompt`. Invalid values are ignored. Sources:
character-card-spec-v2 and -v3; SillyTavern's documentation, "Character's Note".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personachat.messages import Role
from personachat.personas.persona import Persona

NOTE = "depth_prompt"
NOTE_DEPTH = 4

_CARD_AT = ("personachat", "card", "data")
_MOST_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """A message that is inserted among the turns, so many above the end."""

    text: str
    depth: int = NOTE_DEPTH
    role: Role = "system"


@dataclass(frozen=True, slots=True)
class Directions:
    """`after_history` comes after all turns."""

    nickname: str = ""
    after_history: str = ""
    note: Note | None = None


def directions_of(persona: Persona) -> Directions:
    """The directions in the persona's card."""
    extensions = persona.extensions
    if not extensions:
        return Directions()
    card: Any = extensions
    for name in _CARD_AT:
        card = card.get(name) if isinstance(card, Mapping) else None
    card = card if isinstance(card, Mapping) else {}
    return Directions(
        nickname=_text(card.get("nickname")).strip(),
        after_history=_text(card.get("post_history_instructions")),
        note=_note(extensions.get(NOTE)),
    )


def _note(value: Any) -> Note | None:
    if not isinstance(value, Mapping) or not _text(value.get("prompt")).strip():
        return None
    return Note(_text(value["prompt"]), _depth(value.get("depth")), _role(value.get("role")))


def _depth(value: Any) -> int:
    try:
        return min(max(int(value), 0), _MOST_DEPTH)
    except (TypeError, ValueError, OverflowError):
        return NOTE_DEPTH


def _role(value: Any) -> Role:
    roles: dict[Any, Role] = {"user": "user", "assistant": "assistant", 1: "user", 2: "assistant"}
    return roles.get(value, "system") if isinstance(value, str | int) else "system"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
