"""A persona that travelled in a card and came back with fields that another tool edited. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from personachat.interchange.card_mapping import PROMPT_FIELDS, Mapped
from personachat.interchange.card_sections import DIALOGUE, joined, split
from personachat.persona import Persona, Personality

_KEYS = {
    "name": "name",
    "first_mes": "greeting",
    "alternate_greetings": "alternate_greetings",
    "mes_example": "examples",
    "creator_notes": "description",
    "tags": "tags",
}


def with_edits(persona: Persona, found: Mapped, edited: AbstractSet[str]) -> Persona:
    """Return the persona with the edited fields as found; its prompt is edited part by part."""
    changed: dict[str, Any] = {key: getattr(found, key) for name, key in _KEYS.items() if name in edited}
    if edited & {*PROMPT_FIELDS, "mes_example"}:
        parts = split(persona.system_prompt, alone=found.alone)
        now = dict(parts)
        for part in (*PROMPT_FIELDS, DIALOGUE):
            if ("mes_example" if part == DIALOGUE else part) in edited:
                now[part] = found.parts.get(part, "")
        if now != parts:
            changed["system_prompt"] = joined(now, alone=found.alone)[:32_000] or found.system_prompt
    if "personality" in edited:  # it holds the traits as well, and is part of the prompt now
        changed["personality"] = Personality()
    return persona.model_copy(update=changed)
