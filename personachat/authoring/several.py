"""Changing several personas at once: what is possible is done, and errors report the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from personachat.authoring.library_parts import LibraryParts
from personachat.errors import (
    PersonaChatError,
)
from personachat.jsontext.edits import with_value, without
from personachat.personas.store.base import (
    BrokenPersona,
    PersonaStore,
    Saving,
    StoredPersona,
)
from personachat.personas.store.id_in_text import renamed_text


@dataclass(frozen=True, slots=True)
class BulkChange:
    """The result for several personas: their old versions, their new ones, and the errors."""

    before: tuple[StoredPersona, ...]
    after: tuple[StoredPersona, ...]
    errors: tuple[PersonaChatError, ...] = ()
    away: tuple[BrokenPersona, ...] = ()
    """Broken files that were deleted."""


def change_each(
    personas: PersonaStore, ids: Iterable[str], change: Callable[[StoredPersona], StoredPersona]
) -> BulkChange:
    """Change these personas one after another; `change` returns the new version."""
    before, after, errors = [], [], []
    for persona_id in dict.fromkeys(ids):
        try:
            persona = personas.get(persona_id)
            done = change(persona)
        except PersonaChatError as error:
            errors.append(error)
        else:
            before.append(persona)
            after.append(done)
    return BulkChange(tuple(before), tuple(after), tuple(errors))


def tagged(entry: StoredPersona, *, add: Sequence[str], remove: Sequence[str]) -> str:
    """The persona's text with other tags; the same text if they only differ in case."""
    unwanted = {tag.casefold() for tag in remove}
    other_tags = [tag for tag in entry.persona.tags if tag.casefold() not in unwanted]
    has = {tag.casefold() for tag in other_tags}
    tags = [*other_tags, *(tag for tag in dict.fromkeys(add) if tag.casefold() not in has)]
    if tags == list(entry.persona.tags):
        return entry.text
    return with_value(entry.text, ("tags",), tags) if tags else without(entry.text, ("tags",))


class SeveralPersonas(LibraryParts):
    """The part of the library that changes several personas and restores deleted ones."""

    def bring_back(self, persona_id: str) -> StoredPersona:
        """Restore a deleted persona as it was. Raises RevisionNotFound, PersonaExists."""
        last = self.revisions.of(persona_id, limit=1)
        text = renamed_text(self.revisions.get(persona_id, last[0].number if last else 0).text, persona_id)
        return self._personas.create(text, saving=Saving(self._author, "Restored after deletion", "restored"))

    def tag(self, ids: Iterable[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> BulkChange:
        """Add and remove tags, ignoring case; `save_again(done.before)` undoes it."""
        note = ", ".join([*(f"tag {tag} added" for tag in add), *(f"tag {tag} removed" for tag in remove)])

        def save_tagged(persona: StoredPersona) -> StoredPersona:
            text = tagged(persona, add=add, remove=remove)
            if text == persona.text:
                return persona
            return self._personas.save(text, etag=persona.etag, saving=self._saving(note))

        return change_each(self._personas, ids, save_tagged)

    def delete_all(self, ids: Iterable[str], *, broken: Collection[str] = ()) -> BulkChange:
        """Delete several; `bring_back_all` undoes it. `broken` are those that may be broken files."""
        all_ids = list(ids)
        stored_personas = self._personas.all() if broken else ()
        there = {
            each.id: each for each in stored_personas if isinstance(each, BrokenPersona) and each.id in broken
        }
        errors: list[PersonaChatError] = []
        away: list[BrokenPersona] = []
        for persona_id in dict.fromkeys(each for each in all_ids if each in there):
            try:
                away.append(self._personas.put_away(persona_id, etag=there[persona_id].etag))
            except PersonaChatError as error:
                errors.append(error)
        done = change_each(
            self._personas,
            [each for each in all_ids if each not in there],
            lambda persona: self._personas.delete(persona.id, etag=persona.etag, saving=self._saving()),
        )
        return BulkChange(done.before, done.after, (*errors, *done.errors), tuple(away))

    def bring_back_all(self, ids: Iterable[str], *, broken: Collection[str] = ()) -> BulkChange:
        """Restore what was deleted; `broken` are those that were broken files."""
        back, away, errors = [], [], []
        for persona_id in ids:
            try:
                if persona_id in broken:
                    self._personas.put_back(persona_id)
                    away.append(next(each for each in self._personas.all() if each.id == persona_id))
                else:
                    back.append(self.bring_back(persona_id))
            except PersonaChatError as error:
                errors.append(error)
        broken_again = tuple(each for each in away if isinstance(each, BrokenPersona))
        return BulkChange(tuple(back), tuple(back), tuple(errors), broken_again)

    def save_again(self, earlier: Sequence[StoredPersona], *, over: Sequence[StoredPersona]) -> BulkChange:
        """Undo: save earlier versions, unless someone has changed a persona meanwhile."""
        etags = {persona.id: persona.etag for persona in over}
        texts = {persona.id: persona.text for persona in earlier}
        saving = Saving(self._author, "Undone", "restored")
        return change_each(
            self._personas,
            [persona_id for persona_id in texts if persona_id in etags],
            lambda persona: self._personas.save(texts[persona.id], etag=etags[persona.id], saving=saving),
        )

    def save_again_by_etag(self, etags: Mapping[str, tuple[str, str]]) -> BulkChange:
        """The same by ETags: of the version to save, and of the one that it replaces."""
        etags_before = frozenset((persona_id, before) for persona_id, (before, _) in etags.items())
        numbers = self.revisions.numbers(etags_before)
        saving = Saving(self._author, "Undone", "restored")

        def save_earlier(persona: StoredPersona) -> StoredPersona:
            before, over = etags[persona.id]
            earlier = self.revisions.get(persona.id, numbers.get((persona.id, before), 0))
            return self._personas.save(earlier.text, etag=over, saving=saving)

        return change_each(self._personas, etags, save_earlier)
