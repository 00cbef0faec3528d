"""Texts of personas for people: where a new one starts, what a save changed, what stands on a line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import unified_diff

from personachat.persona import Persona, dump_persona, parse_persona
from personachat.persona_ids import free_id

SHORT_CHARACTERS = 60
"""Two texts up to this length together are quoted in a summary of changes; else only the size is said."""

MOST_CHANGES = 3

BLANK = """{
  "id": "new-persona",
  "name": "New persona",
  "description": "",
  "systemPrompt": "You are a helpful assistant.",
  "temperature": 0.7,
  "maxTokens": 1000,
  "model": "gpt-4",
  "personality": {
    "tone": "",
    "style": "",
    "formality": ""
  }
}
"""


def new_text(name: str, *, taken: Collection[str], start: Persona | None = None) -> tuple[str, str]:
    """Return the id and the text of a new persona called `name`, begun from `start` or blank."""
    persona_id = free_id(name, taken)
    if start is None:
        start = parse_persona(BLANK)
    return persona_id, dump_persona(start.model_copy(update={"id": persona_id, "name": name}))


def name_in(text: str) -> str | None:
    """The name that stands in a text, if it has a readable one."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) and name.strip() else None


def line_of(text: str, number: int) -> str:
    """A line of a text, 1-based, without its indent; empty where there is none."""
    lines = text.split("\n")
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def changes(before: str, after: str) -> str:
    """What changed between two valid texts, as in "temperature 0.7 → 0.2, system prompt +120 characters"."""
    found = list(_changes(json.loads(before), json.loads(after)))
    if not found:
        return "only its layout"
    more = f" and {len(found) - MOST_CHANGES} more" if len(found) > MOST_CHANGES else ""
    return ", ".join(found[:MOST_CHANGES]) + more


def diff(theirs: str, mine: str) -> str:
    """The lines that differ, as a unified diff without its head."""
    lines = list(unified_diff(theirs.splitlines(), mine.splitlines(), lineterm="", n=2))[2:]
    return "\n".join("…" if line.startswith("@@") else line for line in lines)


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        label = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).lower()
        if key not in after:
            yield f"{label} removed"
        elif key not in before:
            yield f"{label} added"
        elif before[key] != after[key]:
            yield from _change(label, before[key], after[key])


def _change(label: str, before: object, after: object) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _changes(before, after)
    elif isinstance(before, list) or isinstance(after, list):
        yield f"{label} changed"
    elif isinstance(before, str) and isinstance(after, str) and len(before + after) > SHORT_CHARACTERS:
        grown = len(after) - len(before)
        yield f"{label} {grown:+,} characters" if grown else f"{label} reworded"
    else:
        yield f"{label} {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    return f"“{value}”" if isinstance(value, str) else json.dumps(value)
