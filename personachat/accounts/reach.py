"""The personas that a request's token reaches: others don't exist for it, anywhere.

Everything is built on these two, so no route, endpoint or tool has to check it. Requests outside the API, and
tokens for all personas, reach everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from personachat.accounts.audited_personas import named_id
from personachat.errors import RevisionNotFound
from personachat.jsontext.faults import excerpt
from personachat.personas.store.base import (
    PLAIN_SAVE,
    BrokenPersona,
    PersonaStore,
    Revision,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.personas.store.rules import not_found
from personachat.request_context import current_request


def is_in_reach(persona_id: str) -> bool:
    reached = current_request.get().personas
    return reached is None or persona_id in reached


class PersonasInReach:
    """A PersonaStore over another one. Raises PersonaNotFound for personas out of reach."""

    def __init__(self, personas: PersonaStore) -> None:
        self._personas = personas

    def all(self) -> list[StoredPersona | BrokenPersona]:
        personas = self._personas.all()
        if current_request.get().personas is None:
            return personas
        return [each for each in personas if is_in_reach(each.id)]

    def get(self, persona_id: str) -> StoredPersona:
        _reach(persona_id)
        return self._personas.get(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        _reach_text(text)
        return self._personas.create(text, saving=saving)

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        _reach_text(text)
        return self._personas.save(text, etag=etag, saving=saving)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        _reach(persona_id)
        return self._personas.delete(persona_id, etag=etag, saving=saving)

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        _reach(persona_id)
        _reach(new_id)
        return self._personas.rename(persona_id, new_id, etag=etag, saving=saving)

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        _reach(persona_id)
        return self._personas.put_away(persona_id, etag=etag)

    def put_back(self, persona_id: str) -> None:
        _reach(persona_id)
        self._personas.put_back(persona_id)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        _reach(persona_id)
        _reach(new_id)
        self._personas.rename_broken(persona_id, new_id, etag=etag)


class RevisionsInReach:
    """The Revisions of the personas in reach; others have none."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions

    def of(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        return self._revisions.of(persona_id, limit=limit, before=before) if is_in_reach(persona_id) else ()

    def get(self, persona_id: str, number: int) -> Revision:
        if not is_in_reach(persona_id):
            raise RevisionNotFound(
                f'Revision {number} of "{excerpt(persona_id)}" doesn\'t exist or was deleted.',
                hint="See its list of revisions.",
            )
        return self._revisions.get(persona_id, number)

    def numbers(self, spoken: frozenset[tuple[str, str]]) -> dict[tuple[str, str], int]:
        return self._revisions.numbers(frozenset(each for each in spoken if is_in_reach(each[0])))

    def deleted(self, *, limit: int = 50) -> tuple[Revision, ...]:
        batch_size = limit
        while True:
            everything = self._revisions.deleted(limit=batch_size)
            seen = tuple(each for each in everything if is_in_reach(each.persona_id))
            if len(seen) >= limit or len(everything) < batch_size:
                return seen[:limit]
            batch_size *= 4

    def count_deleted(self) -> int:
        reached = current_request.get().personas
        return self._revisions.count_deleted() if reached is None else len(self.deleted(limit=1_000_000))

    def newest(self, ids: Sequence[str] | None = None) -> dict[str, datetime]:
        revisions = self._revisions.newest(ids)
        return {persona_id: at for persona_id, at in revisions.items() if is_in_reach(persona_id)}


def _reach(persona_id: str) -> None:
    if not is_in_reach(persona_id):
        raise not_found(persona_id)


def _reach_text(text: str) -> None:
    if current_request.get().personas is not None:
        _reach(named_id(text))
