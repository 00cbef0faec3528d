"""What giving a persona another id makes of its text. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from personachat.jsontext.edits import with_value
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.persona_file import etag_of


@dataclass(frozen=True, slots=True)
class Renaming:
    """One renaming: the persona before it and after it, and what marks it as done in the database."""

    before: StoredPersona
    after: StoredPersona
    mark: str


def renaming_of(entry: StoredPersona, new_id: str) -> Renaming:
    """What giving a persona another id makes of it."""
    text = renamed_text(entry.text, new_id)
    persona = entry.persona.model_copy(update={"id": new_id})
    after = StoredPersona(persona, text, etag_of(text.encode()))
    return Renaming(entry, after, secrets.token_hex(16))


def renamed_text(text: str, new_id: str) -> str:
    """The text with another id, and else to the letter; one that cannot be read stays as it is."""
    try:
        return with_value(text, ("id",), new_id)
    except (ValueError, LookupError):
        return text
