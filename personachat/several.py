"""Changing several personas at once: what can be done is done, and what cannot is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from personachat.errors import PersonaChatError
from personachat.persona_edits import with_value, without
from personachat.store.base import BrokenPersona, PersonaStore, StoredPersona


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done to several personas: what they were before, what they are now, and what went wrong."""

    before: tuple[StoredPersona, ...]
    after: tuple[StoredPersona, ...]
    errors: tuple[PersonaChatError, ...] = ()
    away: tuple[BrokenPersona, ...] = ()
    """Broken ones that were put away."""


def change_each(
    personas: PersonaStore, ids: Iterable[str], change: Callable[[StoredPersona], StoredPersona]
) -> Changed:
    """Change these personas one after the other; `change` returns what is stored then."""
    before, after, errors = [], [], []
    for persona_id in dict.fromkeys(ids):
        try:
            stored = personas.get(persona_id)
            done = change(stored)
        except PersonaChatError as error:
            errors.append(error)
        else:
            before.append(stored)
            after.append(done)
    return Changed(tuple(before), tuple(after), tuple(errors))


def tagged(stored: StoredPersona, *, add: Sequence[str], remove: Sequence[str]) -> str:
    """The persona's text with other tags; the same where they are the same but for case."""
    unwanted = {tag.casefold() for tag in remove}
    kept = [tag for tag in stored.persona.tags if tag.casefold() not in unwanted]
    has = {tag.casefold() for tag in kept}
    tags = [*kept, *(tag for tag in dict.fromkeys(add) if tag.casefold() not in has)]
    if tags == list(stored.persona.tags):
        return stored.text
    return with_value(stored.text, ("tags",), tags) if tags else without(stored.text, ("tags",))
