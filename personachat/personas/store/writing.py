"""Creating, saving and deleting: what every store does alike, whatever it keeps personas in.

A store says how one change is made that no other can happen in the middle of; what is refused, and what a
revision calls the change, is decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from personachat.errors import PersonaNotFound
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.base import PLAIN_SAVE, Action, BrokenPersona, Saving, StoredPersona
from personachat.personas.store.rules import (
    check_free,
    check_not_reserved,
    check_version,
    not_found,
    whole,
)

AnyStoredPersona: TypeAlias = StoredPersona | BrokenPersona


class Write(Protocol):
    def __call__(
        self, persona: Persona, text: str, *, before: AnyStoredPersona | None, action: Action, saving: Saving
    ) -> StoredPersona:
        """Keep the text in the place of what was there `before`, and a revision of it."""


class Remove(Protocol):
    def __call__(self, persona: StoredPersona, *, saving: Saving) -> None:
        """Take it out, and keep a revision that says so."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change to a store, in which nobody else's can happen."""

    find: Callable[[str], AnyStoredPersona | None]
    write: Write
    remove: Remove


class WritingStore(ABC):
    """The part of a PersonaStore that changes whole personas; see there for what is raised."""

    @abstractmethod
    def _change(self) -> AbstractContextManager[Change]: ...

    @abstractmethod
    def _refuse_missing(self, persona_id: str) -> None:
        """Raises PersonaNotFound before others are kept waiting for what is not there."""

    def _missing(self, persona_id: str) -> PersonaNotFound:
        return not_found(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        persona = parse_persona(text)
        with self._change() as change:
            check_free(persona.id, change.find(persona.id))
            check_not_reserved(persona.id, text, saving)
            action = saving.action or "created"
            return change.write(persona, text, before=None, action=action, saving=saving)

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        persona = parse_persona(text)
        with self._change() as change:
            current = change.find(persona.id)
            if etag is not None:
                check_version(persona.id, current, etag)
            elif current is not None:
                whole(current)
            if current is None:
                check_not_reserved(persona.id, text, saving)
            if isinstance(current, StoredPersona) and current.text == text:
                return current
            action = saving.action or ("saved" if current else "created")
            return change.write(persona, text, before=current, action=action, saving=saving)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        self._refuse_missing(persona_id)
        with self._change() as change:
            persona = self._of_version(change.find(persona_id), persona_id, etag)
            change.remove(persona, saving=saving)
            return persona

    def _of_version(
        self, current: AnyStoredPersona | None, persona_id: str, etag: str | None
    ) -> StoredPersona:
        """The persona that was found, if it is whole and of that version."""
        if current is None:
            raise self._missing(persona_id)
        persona = whole(current)
        if etag is not None:
            check_version(persona_id, persona, etag)
        return persona
