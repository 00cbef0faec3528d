"""Texts of personas for people: how a new one starts, what a save changed, what a line says. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from difflib import unified_diff

from personachat.jsontext.edits import with_value
from personachat.personas.fields import free_id, is_persona_id
from personachat.personas.persona import STARTING_MODEL, Persona, dump_persona

BLANK = """{
  "id": "new-persona",
  "name": "New persona",
  "description": "",
  "systemPrompt": "You are a helpful assistant.",
  "temperature": 0.7,
  "maxTokens": 1000,
  "model": "gpt-6-luna"
}
"""


def new_text(
    name: str, *, other_ids: Collection[str], start: Persona | None = None, model: str = STARTING_MODEL
) -> tuple[str, str]:
    """Return id and text of a new persona called `name`, copied from `start` or blank with `model`."""
    persona_id = free_id(name, other_ids)
    if start is None:
        blank = with_value(with_value(BLANK, ("id",), persona_id), ("name",), name)
        return persona_id, with_value(blank, ("model",), model)
    return persona_id, dump_persona(start.model_copy(update={"id": persona_id, "name": name}))


def id_in(text: str) -> str | None:
    """The id that stands in a text, if it has one that can be one."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    persona_id = value.get("id") if isinstance(value, dict) else None
    return persona_id if isinstance(persona_id, str) and is_persona_id(persona_id) else None


def name_in(text: str) -> str | None:
    """The name that stands in a text, if it has a readable one."""
    return _words_in(text, "name")


def avatar_in(text: str) -> str | None:
    """The avatar that stands in a text, if it has one."""
    return _words_in(text, "avatar")


def names_with_ids(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id, as given; one that several have is followed by the id, so that they can be told apart."""
    counted = Counter(names.values())
    return {each: f"{name} ({each})" if counted[name] > 1 else name for each, name in names.items()}


def _words_in(text: str, field: str) -> str | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    words = value.get(field) if isinstance(value, dict) else None
    return words if isinstance(words, str) and words.strip() else None


def line_of(text: str, number: int) -> str:
    """A line of a text, 1-based, without its indent; empty if there is none."""
    lines = text.split("\n")
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def diff(theirs: str, mine: str) -> str:
    """The lines that differ, as a unified diff without its head."""
    lines = list(unified_diff(theirs.splitlines(), mine.splitlines(), lineterm="", n=2))[2:]
    return "\n".join("…" if line.startswith("@@") else line for line in lines)
