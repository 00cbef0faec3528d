"""What every persona store does. Texts are kept to the letter; an etag names one exact text.

Every save and every deletion is a revision. Whoever edits a file by hand or by git saves as well: what a
store finds changed becomes a revision when it is next looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from personachat.errors import Problem
from personachat.personas.persona import Persona

Action: TypeAlias = Literal["created", "saved", "restored", "imported", "found", "renamed", "deleted"]
"""How a revision came about; "found" is an edit made outside of the product."""

MOST_NOTE_CHARACTERS = 500
MOST_AUTHOR_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class StoredPersona:
    """A persona, its JSON text as saved, and the text's etag (opaque, no quotes)."""

    persona: Persona
    text: str
    etag: str
    label: str = ""
    """The one it was asked for by; the newest version has none."""
    concealed: bool = False
    """Whether whoever asked for it may use it, and must not learn what is in its prompt."""

    @property
    def id(self) -> str:
        return self.persona.id

    @property
    def address(self) -> str:
        """What it was asked for by: its id, with the label if there was one."""
        return f"{self.persona.id}@{self.label}" if self.label else self.persona.id


@dataclass(frozen=True, slots=True)
class BrokenPersona:
    """A file that is there and is no persona. `id` is the file's stem, whatever that is."""

    id: str
    filename: str
    text: str
    etag: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Saving:
    """Who saves, and why: what a revision says of itself. What is too long is cut."""

    author: str = ""
    """As people are told it; "" if it is not known."""
    note: str = ""
    action: Literal["restored", "imported"] | None = None
    """None is a plain save: the revision says "created" if there was none before, else "saved"."""
    proposes_id: bool = False
    """Whether a new persona may get another id, where this one is taken by what its author cannot see."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved version of a persona. `number` counts from 1 in each persona and is never used again.

    A "deleted" one holds the text that was deleted.
    """

    persona_id: str
    number: int
    etag: str
    name: str
    action: Action
    author: str
    note: str
    saved_at: datetime
    text: str = ""
    """Left out ("") in lists."""


PLAIN_SAVE = Saving()


class PersonaStore(Protocol):
    """Safe for threads and for processes. Every method may raise StoreUnavailable."""

    def all(self) -> list[StoredPersona | BrokenPersona]:
        """Everything there is: `default-persona` first, the others by name without regard to case."""

    def get(self, persona_id: str) -> StoredPersona:
        """Raises PersonaNotFound (also for an id that cannot be one) or PersonaBroken."""

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        """Save a persona of a new id. Raises PersonaInvalid, PersonaExists or PersonaBroken."""

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        """Create or replace. With an etag, only over that very version, else PersonaChanged.

        Raises PersonaInvalid, PersonaChanged, or PersonaBroken where a broken file stands in the way
        and its etag was not given. A text that is stored already is no new revision.
        """

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        """Remove and return it, so that `create(deleted.text)` undoes.

        Raises PersonaNotFound, PersonaChanged, or PersonaBroken (always, for a broken file: see `put_away`).
        """

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        """Give a persona another id: all at once, with its history and all that people keep of it.

        The old id leads to the new one until another persona takes it: `get` raises PersonaMoved for it.
        Raises PersonaNotFound, PersonaBroken, PersonaChanged, PersonaInvalid, PersonaExists.
        """

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        """Remove a broken one and return it; `put_back` brings it back to the letter.

        Raises PersonaNotFound, PersonaChanged, or PersonaExists where it is a whole one by now.
        """

    def put_back(self, persona_id: str) -> None:
        """Bring back the broken one that was put away last. Raises PersonaNotFound, PersonaExists."""

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        """Give a broken one another id, and leave its text as it is.

        Raises PersonaNotFound, PersonaChanged, PersonaInvalid, or PersonaExists where the id is taken or it
        is a whole one by now.
        """


class PersonaSource(Protocol):
    """Where the persona of an id comes from."""

    def get(self, persona_id: str) -> StoredPersona:
        """Raises PersonaNotFound or PersonaBroken."""


class Revisions(Protocol):
    """The history of every persona of a store. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def of(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        """The newest first, without texts; those with a number below `before`. Empty if there are none."""

    def get(self, persona_id: str, number: int) -> Revision:
        """With its text. Raises RevisionNotFound."""

    def numbers(self, spoken: frozenset[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """For (persona id, etag) pairs the newest revision with that text; those not known are left out."""

    def deleted(self, *, limit: int = 50) -> tuple[Revision, ...]:
        """Of each persona that is deleted its last revision, the latest deleted first, without texts."""

    def count_deleted(self) -> int:
        """How many personas are deleted."""

    def newest(self, ids: Sequence[str] | None = None) -> dict[str, datetime]:
        """When each persona that is there, or of these, was saved last, by id."""
