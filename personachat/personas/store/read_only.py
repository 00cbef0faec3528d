"""The personas for people who may not change them: everything can be read, every change is refused.

Everything built on this store is read-only, however it tries to save or delete.
"""

from __future__ import annotations

from typing import NoReturn

from personachat.errors import EditingNotAllowed
from personachat.personas.store.base import PLAIN_SAVE, BrokenPersona, PersonaStore, Saving, StoredPersona


class ReadOnlyPersonas:
    """A PersonaStore over another one. Changes raise EditingNotAllowed."""

    def __init__(self, personas: PersonaStore) -> None:
        self._personas = personas

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self._personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self._personas.get(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> NoReturn:
        del text, saving
        raise editing_not_allowed()

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> NoReturn:
        del text, etag, saving
        raise editing_not_allowed()

    def delete(self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> NoReturn:
        del persona_id, etag, saving
        raise editing_not_allowed()

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> NoReturn:
        del persona_id, new_id, etag, saving
        raise editing_not_allowed()

    def put_away(self, persona_id: str, *, etag: str | None = None) -> NoReturn:
        del persona_id, etag
        raise editing_not_allowed()

    def put_back(self, persona_id: str) -> NoReturn:
        del persona_id
        raise editing_not_allowed()

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> NoReturn:
        del persona_id, new_id, etag
        raise editing_not_allowed()


def editing_not_allowed() -> EditingNotAllowed:
    return EditingNotAllowed(
        "You can't change personas here.",
        hint="It takes the role of an editor. Ask the person who runs this server.",
    )
