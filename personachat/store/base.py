"""What every persona store does. Texts are kept to the letter; an etag names one exact text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from personachat.errors import Problem
from personachat.persona import Persona


@dataclass(frozen=True, slots=True)
class StoredPersona:
    """A persona, its JSON text as saved, and the text's etag (opaque, no quotes)."""

    persona: Persona
    text: str
    etag: str

    @property
    def id(self) -> str:
        return self.persona.id


@dataclass(frozen=True, slots=True)
class BrokenPersona:
    """A file that is there and is no persona. `id` is the file's stem, whatever that is."""

    id: str
    filename: str
    text: str
    etag: str
    problems: tuple[Problem, ...]


class PersonaStore(Protocol):
    """Safe for threads and, with the file store, for processes. Every method may raise StoreUnavailable."""

    def all(self) -> list[StoredPersona | BrokenPersona]:
        """Everything there is: `default-persona` first, the others by name without regard to case."""

    def get(self, persona_id: str) -> StoredPersona:
        """Raises PersonaNotFound (also for an id that cannot be one) or PersonaBroken."""

    def create(self, text: str) -> StoredPersona:
        """Save a persona of a new id. Raises PersonaInvalid, PersonaExists or PersonaBroken."""

    def save(self, text: str, *, etag: str | None = None) -> StoredPersona:
        """Create or replace. With an etag, only over that very version, else PersonaChanged.

        Raises PersonaInvalid, PersonaChanged, or PersonaBroken where a broken file stands in the way
        and its etag was not given.
        """

    def delete(self, persona_id: str, *, etag: str | None = None) -> StoredPersona:
        """Remove and return it, so that `create(deleted.text)` undoes.

        Raises PersonaNotFound, PersonaChanged, or PersonaBroken (always, for a broken file).
        """
