"""The personas as one person may see them: the only place that enforces rights per persona.

Every surface gets its personas, revisions and labels through these, so there is no way around them. A persona
that someone may not use doesn't exist for them: the answer is that for an unused id. One that they may use
but not read comes without its prompt. Only what answers in a chat has all of it, see `answering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from personachat.accounts.hidden_prompt import redacted
from personachat.accounts.person import Role
from personachat.accounts.persona_rights import PersonaRights, not_allowed
from personachat.accounts.rights import SHARED, PersonaAccess, Right
from personachat.errors import (
    LabelNotFound,
    PersonaBroken,
    PersonaExists,
    PersonaMoved,
    PersonaNotFound,
    RevisionNotFound,
)
from personachat.jsontext.edits import with_value
from personachat.jsontext.faults import excerpt
from personachat.personas.fields import free_id
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import (
    PLAIN_SAVE,
    BrokenPersona,
    PersonaStore,
    Revision,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.personas.store.labels import Label, LabelMove, Labels
from personachat.personas.store.rules import not_found


class PermittedPersonas:
    """A PersonaStore over another one, for one person. `whole` includes prompts: only for answering."""

    def __init__(self, personas: PersonaStore, rights: PersonaRights, *, whole: bool = False) -> None:
        self._personas = personas
        self._rights = rights
        self._whole = whole

    def all(self) -> list[StoredPersona | BrokenPersona]:
        personas = self._personas.all()
        if self._rights.person.role is Role.ADMIN:
            return personas
        accesses = self._rights.all()
        return [
            self._visible(persona, accesses.get(persona.id, SHARED))
            for persona in personas
            if self._is_listed(persona, accesses.get(persona.id, SHARED))
        ]

    def get(self, persona_id: str) -> StoredPersona:
        with self._seen_only(persona_id):
            if not self._rights.may("use", persona_id):
                self._refuse_unless_moved(persona_id)
            persona = self._personas.get(persona_id)
        if self._rights.may("prompt", persona.id):
            return persona
        return replace(persona, concealed=True) if self._whole else redacted(persona)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        self._refuse_unless_creating()
        persona_id = parse_persona(text).id
        if self._rights.is_taken(persona_id):
            if not saving.proposes_id or self._rights.may("use", persona_id):
                raise _id_is_taken(persona_id)
            persona_id = free_id(persona_id, self._taken_ids())
            text = with_value(text, ("id",), persona_id)
        if not self._rights.creates_own:
            return self._personas.create(text, saving=saving)
        with self._claimed(persona_id):
            return self._personas.create(text, saving=saving)

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        persona_id = parse_persona(text).id
        if self._is_there(persona_id):
            self._rights.refuse_unless("edit", persona_id)
            return self._personas.save(text, etag=etag, saving=saving)
        self._refuse_unless_creating()
        if self._rights.is_taken(persona_id):
            raise not_found(persona_id)
        if not self._rights.creates_own:
            return self._personas.save(text, etag=etag, saving=saving)
        with self._claimed(persona_id):
            return self._personas.save(text, etag=etag, saving=saving)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        self._refuse_unless_may("edit", persona_id)
        return self._personas.delete(persona_id, etag=etag, saving=saving)

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        self._refuse_unless_may("edit", persona_id)
        if new_id != persona_id and self._rights.is_taken(new_id):
            raise _id_is_taken(new_id)
        return self._personas.rename(persona_id, new_id, etag=etag, saving=saving)

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        self._rights.refuse_unless("edit", persona_id)
        return self._personas.put_away(persona_id, etag=etag)

    def put_back(self, persona_id: str) -> None:
        self._rights.refuse_unless("edit", persona_id)
        self._personas.put_back(persona_id)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        self._rights.refuse_unless("edit", persona_id)
        if new_id != persona_id and self._rights.is_taken(new_id):
            raise _id_is_taken(new_id)
        self._personas.rename_broken(persona_id, new_id, etag=etag)

    def _taken_ids(self) -> set[str]:
        """Ids that a new persona can't have, visible or not."""
        return {each.id for each in self._personas.all()} | set(self._rights.all())

    def _is_listed(self, persona: StoredPersona | BrokenPersona, access: PersonaAccess) -> bool:
        """A broken file shows its whole text, so it requires the right to see a prompt."""
        return self._rights.judge("prompt" if isinstance(persona, BrokenPersona) else "use", access)

    def _visible(
        self, persona: StoredPersona | BrokenPersona, access: PersonaAccess
    ) -> StoredPersona | BrokenPersona:
        if isinstance(persona, BrokenPersona) or self._whole or self._rights.judge("prompt", access):
            return persona
        return redacted(persona)

    def _refuse_unless_moved(self, persona_id: str) -> None:
        """Raise that it doesn't exist; an id that only redirects has no rights of its own."""
        with suppress(PersonaBroken):
            self._personas.get(persona_id)
        raise not_found(persona_id)

    @contextmanager
    def _seen_only(self, persona_id: str) -> Iterator[None]:
        """Don't reveal where a persona moved to, or what is wrong with it, to people who may not see that."""
        try:
            yield
        except PersonaMoved as moved:
            if not self._rights.may("use", moved.new_id):
                raise not_found(persona_id) from None
            raise
        except PersonaBroken:
            if not self._rights.may("prompt", persona_id):
                message = "This persona can't be read at the moment."
                raise PersonaBroken(message, hint="Ask its owner.") from None
            raise

    def _refuse_unless_creating(self) -> None:
        if not self._rights.may_create:
            raise not_allowed("create")

    def _refuse_unless_may(self, right: Right, persona_id: str) -> None:
        """Raises PersonaNotFound, and PersonaMoved if they may know its new id."""
        with self._seen_only(persona_id), suppress(PersonaBroken):
            self._personas.get(persona_id)
        self._rights.refuse_unless(right, persona_id)

    def _is_there(self, persona_id: str) -> bool:
        try:
            self._personas.get(persona_id)
        except PersonaBroken:
            return True
        except PersonaNotFound:
            return False
        return True

    @contextmanager
    def _claimed(self, persona_id: str) -> Iterator[None]:
        """It belongs to this person before anyone sees it; nothing is left behind if it can't be saved."""
        if self._is_there(persona_id):  # one without an owner: the store says that the id is in use
            yield
            return
        was_ours = not self._rights.claim(persona_id)
        if was_ours and self._rights.is_taken(persona_id):
            raise _id_is_taken(persona_id)
        try:
            yield
        except Exception:
            if not was_ours:
                self._rights.forget_claim(persona_id)
            raise


class PermittedRevisions:
    """The history of the personas whose prompt a person may see."""

    def __init__(self, revisions: Revisions, rights: PersonaRights) -> None:
        self._revisions = revisions
        self._rights = rights

    def of(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        if not self._rights.may("prompt", persona_id):
            return ()
        return self._revisions.of(persona_id, limit=limit, before=before)

    def get(self, persona_id: str, number: int) -> Revision:
        if not self._rights.may("prompt", persona_id):
            raise RevisionNotFound(
                f'Revision {number} of "{excerpt(persona_id)}" doesn\'t exist or was deleted.',
                hint="See its list of revisions.",
            )
        return self._revisions.get(persona_id, number)

    def numbers(self, spoken: frozenset[tuple[str, str]]) -> dict[tuple[str, str], int]:
        accesses = self._rights.all()
        seen = frozenset(pair for pair in spoken if self._rights.judge("use", accesses.get(pair[0], SHARED)))
        return self._revisions.numbers(seen)

    def deleted(self, *, limit: int = 50) -> tuple[Revision, ...]:
        """Those that this person may see, which aren't always among the newest of all."""
        accesses, batch_size = self._rights.all(), limit
        while True:
            everything = self._revisions.deleted(limit=batch_size)
            seen = tuple(
                each
                for each in everything
                if self._rights.judge("prompt", accesses.get(each.persona_id, SHARED))
            )
            if len(seen) >= limit or len(everything) < batch_size:
                return seen[:limit]
            batch_size *= 4

    def count_deleted(self) -> int:
        if self._rights.person.role is Role.ADMIN:
            return self._revisions.count_deleted()
        return len(self.deleted(limit=self._revisions.count_deleted() or 1))

    def newest(self, ids: Sequence[str] | None = None) -> dict[str, datetime]:
        accesses = self._rights.all()
        return {
            persona_id: moment
            for persona_id, moment in self._revisions.newest(ids).items()
            if self._rights.judge("use", accesses.get(persona_id, SHARED))
        }


class PermittedLabels:
    """The labels of the personas that a person may use."""

    def __init__(self, labels: Labels, rights: PersonaRights) -> None:
        self._labels = labels
        self._rights = rights

    def of(self, persona_id: str) -> tuple[Label, ...]:
        return self._labels.of(persona_id) if self._rights.may("use", persona_id) else ()

    def all(self) -> dict[str, tuple[str, ...]]:
        accesses = self._rights.all()
        return {
            persona_id: names
            for persona_id, names in self._labels.all().items()
            if self._rights.judge("use", accesses.get(persona_id, SHARED))
        }

    def number(self, persona_id: str, label: str) -> int:
        """Raises LabelNotFound."""
        if not self._rights.may("use", persona_id):
            raise LabelNotFound(str(not_found(persona_id)), hint=not_found(persona_id).hint)
        return self._labels.number(persona_id, label)

    def moves(self, persona_id: str) -> tuple[LabelMove, ...]:
        return self._labels.moves(persona_id) if self._rights.may("use", persona_id) else ()

    def put(self, persona_id: str, label: str, number: int, *, author: str) -> None:
        """Raises what Labels.put raises, PersonaNotFound and EditingNotAllowed."""
        self._rights.refuse_unless("edit", persona_id)
        self._labels.put(persona_id, label, number, author=author)

    def remove(self, persona_id: str, label: str, *, author: str) -> None:
        self._rights.refuse_unless("edit", persona_id)
        self._labels.remove(persona_id, label, author=author)


def _id_is_taken(persona_id: str) -> PersonaExists:
    return PersonaExists(f'A persona with the id "{persona_id}" already exists.', hint="Choose another id.")
