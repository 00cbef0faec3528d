"""The interface of every persona store. Texts are kept unchanged; an etag identifies one exact text.

Every save and every deletion is a revision, and so is an edit of a file by hand or by git: a store records
what has changed when it next looks at the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from personachat.errors import Problem
from personachat.personas.persona import Persona

Action: TypeAlias = Literal["created", "saved", "restored", "imported", "found", "renamed", "deleted"]
"""How a revision came about; "found" is an edit made outside PersonaChat."""

MOST_NOTE_CHARACTERS = 500
MOST_AUTHOR_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class StoredPersona:
    """A persona, its JSON text as saved, and the text's etag (opaque, no quotes)."""

    persona: Persona
    text: str
    etag: str
    label: str = ""
    """The label it was requested by; the newest version has none."""
    concealed: bool = False
    """Whether the reader may use it but not see its prompt."""

    @property
    def id(self) -> str:
        return self.persona.id

    @property
    def address(self) -> str:
        """The address it was requested by: its id, with the label if there was one."""
        return f"{self.persona.id}@{self.label}" if self.label else self.persona.id


@dataclass(frozen=True, slots=True)
class BrokenPersona:
    """A file that isn't a valid persona. `id` is the file's stem, whatever that is."""

    id: str
    filename: str
    text: str
    etag: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Saving:
    """Who saves, and why, for the revision. Text that is too long is cut."""

    author: str = ""
    """The name that people see; "" if unknown."""
    note: str = ""
    action: Literal["restored", "imported"] | None = None
    """None is a plain save: the revision says "created" if there was none before, otherwise "saved"."""
    proposes_id: bool = False
    """Whether a new persona gets another id if this one belongs to a persona its author can't see."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved version of a persona. `number` counts from 1 in each persona and is never used again.

    A "deleted" one has the text that was deleted.
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
    """"" in lists."""


PLAIN_SAVE = Saving()


class PersonaStore(Protocol):
    """Safe for threads and for processes. Every method may raise StoreUnavailable."""

    def all(self) -> list[StoredPersona | BrokenPersona]:
        """All personas: `default-persona` first, the others by name, ignoring case."""

    def get(self, persona_id: str) -> StoredPersona:
        """Raises PersonaNotFound (also for an invalid id) or PersonaBroken."""

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        """Save a persona with a new id. Raises PersonaInvalid, PersonaExists or PersonaBroken."""

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        """Create or replace. With an etag, only that exact version is replaced; otherwise PersonaChanged.

        A text that is already stored adds no revision. Raises PersonaInvalid, PersonaChanged, or
        PersonaBroken if a broken file has that id and its etag wasn't given.
        """

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        """Delete and return it; `create(deleted.text)` undoes that.

        Raises PersonaNotFound, PersonaChanged, or PersonaBroken (always for a broken file: see `put_away`).
        """

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        """Give a persona another id, in one step with its history and everything kept under its id.

        The old id leads to the new one until another persona takes it: `get` raises PersonaMoved for it.
        Raises PersonaNotFound, PersonaBroken, PersonaChanged, PersonaInvalid, PersonaExists.
        """

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        """Delete a broken file and return it; `put_back` restores it unchanged.

        Raises PersonaNotFound, PersonaChanged, or PersonaExists if it is valid by now.
        """

    def put_back(self, persona_id: str) -> None:
        """Restore the broken file that was deleted last. Raises PersonaNotFound, PersonaExists."""

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        """Give a broken file another id without changing its text.

        Raises PersonaNotFound, PersonaChanged, PersonaInvalid, or PersonaExists if the id is in use or the
        file is valid by now.
        """


class PersonaSource(Protocol):
    """Finds the persona with an id."""

    def get(self, persona_id: str) -> StoredPersona:
        """Raises PersonaNotFound or PersonaBroken."""


class Revisions(Protocol):
    """The history of every persona of a store. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def of(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        """The newest first, without texts; those with a number below `before`. Empty if there are none."""

    def get(self, persona_id: str, number: int) -> Revision:
        """With its text. Raises RevisionNotFound."""

    def numbers(self, spoken: frozenset[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The newest revision with that text for each (persona id, etag) pair; unknown pairs are left out."""

    def deleted(self, *, limit: int = 50) -> tuple[Revision, ...]:
        """The last revision of each deleted persona, most recently deleted first, without texts."""

    def count_deleted(self) -> int:
        """How many personas are deleted."""

    def newest(self, ids: Sequence[str] | None = None) -> dict[str, datetime]:
        """When each existing persona, or each of these, was last saved, by id."""
