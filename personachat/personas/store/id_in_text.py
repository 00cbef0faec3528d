"""Changes the id in a persona's text. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from personachat.jsontext.edits import with_value
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.persona_file import etag_of


@dataclass(frozen=True, slots=True)
class Renaming:
    """One renaming: the persona before and after it, and what marks it as done in the database."""

    before: StoredPersona
    after: StoredPersona
    mark: str


def renaming_of(entry: StoredPersona, new_id: str) -> Renaming:
    """The renaming of a persona to another id."""
    text = renamed_text(entry.text, new_id)
    persona = entry.persona.model_copy(update={"id": new_id})
    after = StoredPersona(persona, text, etag_of(text.encode()))
    return Renaming(entry, after, secrets.token_hex(16))


def renamed_text(text: str, new_id: str) -> str:
    """The text with another id and otherwise unchanged; a text that can't be parsed stays as it is."""
    try:
        return with_value(text, ("id",), new_id)
    except (ValueError, LookupError):
        return text
