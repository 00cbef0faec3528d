"""A persona whose prompt is hidden: the parts of it that a chat shows anyway."""

from __future__ import annotations

from personachat.accounts.persona_rights import PersonaRights
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.store.base import (
    PersonaSource,
    StoredPersona,
)
from personachat.personas.variables import VARIABLES

HIDDEN_PROMPT = "This persona's prompt is hidden."
"""Replaces text that the person may not read."""

_VISIBLE_FIELDS = (
    *("id", "name", "description", "greeting", "alternate_greetings", "starters", "tags", "avatar"),
    *("picture", "model", "temperature", "max_tokens", "top_p", "context_tokens", "summarize"),
)
"""A persona with a hidden prompt, reduced to what a chat shows anyway."""


class ShownPersonas:
    """A source of complete personas that returns only what a person may see of them."""

    def __init__(self, personas: PersonaSource, rights: PersonaRights) -> None:
        self._personas = personas
        self._rights = rights

    def get(self, persona_id: str) -> StoredPersona:
        persona = self._personas.get(persona_id)
        return persona if self._rights.may("prompt", persona.id) else redacted(persona)


def redacted(entry: StoredPersona) -> StoredPersona:
    """The persona without its prompt and everything in it; its etag is still that of the original."""
    persona = entry.persona
    visible_fields = {name: getattr(persona, name) for name in _VISIBLE_FIELDS}
    variables = persona.extensions.get(VARIABLES)
    extensions = {VARIABLES: variables} if variables is not None else {}
    left = Persona(**visible_fields, system_prompt=HIDDEN_PROMPT, extensions=extensions)
    return StoredPersona(left, dump_persona(left), entry.etag, entry.label)
