"""The personas as one person may see them: the one place where rights per persona are enforced.

Every surface gets its personas, revisions and labels through these, so there is no way around. What somebody
may not use is not there: the answer is that of an id nobody ever took. What they may use and not read comes
without whatever goes into its prompt. Only what answers in a chat has all of it, see `answering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from personachat.accounts.person import Person, Role
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.reach import is_in_reach
from personachat.accounts.rights import SHARED, PersonaAccess, Right, may, may_manage, problem_of
from personachat.errors import (
    AccessInvalid,
    EditingNotAllowed,
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
from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.store.base import (
    PLAIN_SAVE,
    BrokenPersona,
    PersonaSource,
    PersonaStore,
    Revision,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.personas.store.labels import Label, LabelMove, Labels
from personachat.personas.store.rules import not_found
from personachat.personas.variables import VARIABLES

HIDDEN_PROMPT = "This persona's prompt is hidden."
"""Stands for what somebody may not read."""

_SHOWN = (
    *("id", "name", "description", "greeting", "alternate_greetings", "starters", "tags", "avatar"),
    *("picture", "model", "temperature", "max_tokens", "top_p", "context_tokens", "summarize"),
)
"""What is left of a persona whose prompt is hidden: all that a chat shows anyway."""


class PersonaRights:
    """What one person may do with each persona. Cheap to make; reads what is kept when it is asked."""

    def __init__(
        self, accesses: PersonaAccesses, person: Person, *, accounts: bool, shared_are_edited: bool
    ) -> None:
        """`accounts` says whether people log in here: then what somebody creates is theirs."""
        self.person = person
        self._accesses = accesses
        self._accounts = accounts
        self._shared_are_edited = shared_are_edited

    @property
    def people_log_in(self) -> bool:
        return self._accounts

    @property
    def creates_own(self) -> bool:
        """Whether what this person creates is theirs alone at first."""
        return self._accounts and self.person.key.startswith("user:")

    @property
    def may_create(self) -> bool:
        return self.person.role.includes(Role.EDITOR)

    def may(self, right: Right, persona_id: str) -> bool:
        if not is_in_reach(persona_id):
            return False
        if self.person.role is Role.ADMIN:
            return True
        return self.judge(right, self._accesses.of(persona_id))

    def shows_prompt(self, persona_id: str) -> bool:
        """Whether whoever may use a persona may see its prompt; not where it is denied to anybody."""
        access = self._accesses.of(persona_id)
        denied = any(grant.right == "prompt" and not grant.allowed for grant in access.grants)
        return access.prompt_visible and not denied

    def all(self) -> Mapping[str, PersonaAccess]:
        """What is kept of every persona; asked once for a list. Empty for whoever may do everything."""
        return {} if self.person.role is Role.ADMIN else self._accesses.all()

    def judge(self, right: Right, access: PersonaAccess) -> bool:
        return may(self.person, right, access, shared_are_edited=self._shared_are_edited)

    def refuse_unless(self, right: Right, persona_id: str) -> None:
        """Raises PersonaNotFound for what they cannot even use, else EditingNotAllowed."""
        if not is_in_reach(persona_id):
            raise not_found(persona_id)
        if self.person.role is Role.ADMIN:
            return
        access = self._accesses.of(persona_id)
        if not self.judge("use", access):
            raise not_found(persona_id)
        if not self.judge(right, access):
            raise _not_allowed(right)

    def refuse_unless_shareable(self, persona_id: str) -> None:
        """For a copy in an address: of what nobody limited it is anybody's who can use it."""
        if self.person.role is not Role.ADMIN and self._accesses.of(persona_id) != SHARED:
            self.refuse_unless("share", persona_id)

    def claim(self, persona_id: str) -> bool:
        """Make a new persona this person's; False where its id is somebody's already."""
        return self._accesses.claim(persona_id, PersonaAccess(self.person.key, "private"))

    def forget_claim(self, persona_id: str) -> None:
        self._accesses.forget(persona_id)

    def is_taken(self, persona_id: str) -> bool:
        """Whether an id is somebody's who does not let this person change it."""
        access = self._accesses.of(persona_id)
        return access != SHARED and not self.judge("edit", access)

    # --- who may do what --------------------------------------------------------------------------

    def access(self, persona_id: str) -> PersonaAccess:
        """Who may do what; for whoever may change that. Raises PersonaNotFound, EditingNotAllowed."""
        access = self._accesses.of(persona_id)
        if not is_in_reach(persona_id) or not self.judge("use", access):
            raise not_found(persona_id)
        if not may_manage(self.person, access):
            raise EditingNotAllowed(
                "Only this persona's owner and admins can see and change its access.",
                hint="Ask one of them.",
            )
        return access

    def may_manage(self, persona_id: str) -> bool:
        return may_manage(self.person, self._accesses.of(persona_id))

    def set_access(self, persona_id: str, access: PersonaAccess) -> None:
        """Raises PersonaNotFound, EditingNotAllowed, AccessInvalid. Only an admin changes the owner."""
        before = self.access(persona_id)
        if access.owner != before.owner and self.person.role is not Role.ADMIN:
            raise EditingNotAllowed("Only an admin can give a persona to somebody else.", hint="Ask one.")
        if problem := problem_of(access):
            raise AccessInvalid(problem)
        self._accesses.put(persona_id, access)


class PermittedPersonas:
    """A PersonaStore over another one, for one person. `whole` has prompts shown: for what answers alone."""

    def __init__(self, personas: PersonaStore, rights: PersonaRights, *, whole: bool = False) -> None:
        self._personas = personas
        self._rights = rights
        self._whole = whole

    def all(self) -> list[StoredPersona | BrokenPersona]:
        found = self._personas.all()
        if self._rights.person.role is Role.ADMIN:
            return found
        accesses = self._rights.all()
        return [
            self._shown(stored, accesses.get(stored.id, SHARED))
            for stored in found
            if self._is_listed(stored, accesses.get(stored.id, SHARED))
        ]

    def get(self, persona_id: str) -> StoredPersona:
        with self._seen_only(persona_id):
            if not self._rights.may("use", persona_id):
                self._refuse_unless_moved(persona_id)
            stored = self._personas.get(persona_id)
        if self._rights.may("prompt", stored.id):
            return stored
        return replace(stored, concealed=True) if self._whole else redacted(stored)

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
        """All that a new persona cannot have, seen or not."""
        return {each.id for each in self._personas.all()} | set(self._rights.all())

    def _is_listed(self, stored: StoredPersona | BrokenPersona, access: PersonaAccess) -> bool:
        """A broken file shows its whole text, so it takes the right to see a prompt."""
        return self._rights.judge("prompt" if isinstance(stored, BrokenPersona) else "use", access)

    def _shown(
        self, stored: StoredPersona | BrokenPersona, access: PersonaAccess
    ) -> StoredPersona | BrokenPersona:
        if isinstance(stored, BrokenPersona) or self._whole or self._rights.judge("prompt", access):
            return stored
        return redacted(stored)

    def _refuse_unless_moved(self, persona_id: str) -> None:
        """Raise that it is not there; an id that only leads on has no rights of its own."""
        with suppress(PersonaBroken):
            self._personas.get(persona_id)
        raise not_found(persona_id)

    @contextmanager
    def _seen_only(self, persona_id: str) -> Iterator[None]:
        """Say nothing of where a persona moved to, or what is wrong with it, to who may not see that."""
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
            raise _not_allowed("create")

    def _refuse_unless_may(self, right: Right, persona_id: str) -> None:
        """Raises PersonaNotFound, and PersonaMoved where they may know that it has another id."""
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
        """It is this person's before anybody sees it; nothing is left behind where it cannot be saved."""
        if self._is_there(persona_id):  # one that nobody owns: the store says that it is taken
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
    """The history of those personas whose prompt a person may see."""

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
        return tuple(each for each in self._revisions.deleted(limit=limit) if self._may_restore(each))

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

    def _may_restore(self, revision: Revision) -> bool:
        return self._rights.may("prompt", revision.persona_id)


class PermittedLabels:
    """The labels of those personas that a person may use."""

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
        """Errors as for Labels.put, PersonaNotFound and EditingNotAllowed."""
        self._rights.refuse_unless("edit", persona_id)
        self._labels.put(persona_id, label, number, author=author)

    def remove(self, persona_id: str, label: str, *, author: str) -> None:
        self._rights.refuse_unless("edit", persona_id)
        self._labels.remove(persona_id, label, author=author)


class ShownPersonas:
    """A source that finds personas with all they have, and hands on what a person may see of them."""

    def __init__(self, found: PersonaSource, rights: PersonaRights) -> None:
        self._found = found
        self._rights = rights

    def get(self, persona_id: str) -> StoredPersona:
        stored = self._found.get(persona_id)
        return stored if self._rights.may("prompt", stored.id) else redacted(stored)


def redacted(stored: StoredPersona) -> StoredPersona:
    """The persona without its prompt and all that goes into it; its etag is still that of the whole."""
    persona = stored.persona
    shown = {name: getattr(persona, name) for name in _SHOWN}
    variables = persona.extensions.get(VARIABLES)
    extensions = {VARIABLES: variables} if variables is not None else {}
    left = Persona(**shown, system_prompt=HIDDEN_PROMPT, extensions=extensions)
    return StoredPersona(left, dump_persona(left), stored.etag, stored.label)


def _id_is_taken(persona_id: str) -> PersonaExists:
    return PersonaExists(f'A persona with the id "{persona_id}" already exists.', hint="Choose another id.")


_REFUSALS: Mapping[str, str] = {
    "create": "Your role lets you chat, but not create personas.",
    "edit": "You can use this persona, but not change it.",
    "share": "You can use this persona, but not share it.",
    "prompt": "This persona's prompt is hidden from you.",
    "use": "You can't use this persona.",
}


def _not_allowed(right: str) -> EditingNotAllowed:
    return EditingNotAllowed(_REFUSALS[right], hint="Ask its owner or an admin.")
