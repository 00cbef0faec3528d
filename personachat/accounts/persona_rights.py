"""What one person may do with each persona, and who may change that."""

from __future__ import annotations

from collections.abc import Mapping

from personachat.accounts.person import Person, Role
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.reach import is_in_reach
from personachat.accounts.rights import SHARED, PersonaAccess, Right, may, may_manage, problem_of
from personachat.errors import (
    AccessInvalid,
    EditingNotAllowed,
)
from personachat.personas.store.rules import not_found


class PersonaRights:
    """The rights of one person. Cheap to create; reads the rules when it is asked."""

    def __init__(
        self, accesses: PersonaAccesses, person: Person, *, accounts: bool, shared_are_edited: bool
    ) -> None:
        """`accounts` says whether people log in here: then they own what they create."""
        self.person = person
        self._accesses = accesses
        self._accounts = accounts
        self._shared_are_edited = shared_are_edited

    @property
    def people_log_in(self) -> bool:
        return self._accounts

    @property
    def creates_own(self) -> bool:
        """Whether what this person creates is at first only theirs."""
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
        """Whether everyone who may use a persona may see its prompt; not if it is denied to anyone."""
        access = self._accesses.of(persona_id)
        denied = any(grant.right == "prompt" and not grant.allowed for grant in access.grants)
        return access.prompt_visible and not denied

    def all(self) -> Mapping[str, PersonaAccess]:
        """The rules of every persona, read once for a list. Empty for people who may do everything."""
        return {} if self.person.role is Role.ADMIN else self._accesses.all()

    def judge(self, right: Right, access: PersonaAccess) -> bool:
        return may(self.person, right, access, shared_are_edited=self._shared_are_edited)

    def refuse_unless(self, right: Right, persona_id: str) -> None:
        """Raises PersonaNotFound for a persona they can't even use, otherwise EditingNotAllowed."""
        if not is_in_reach(persona_id):
            raise not_found(persona_id)
        if self.person.role is Role.ADMIN:
            return
        access = self._accesses.of(persona_id)
        if not self.judge("use", access):
            raise not_found(persona_id)
        if not self.judge(right, access):
            raise not_allowed(right)

    def refuse_unless_shareable(self, persona_id: str) -> None:
        """For a copy in an address: anyone who can use an unrestricted persona has that right."""
        if self.person.role is not Role.ADMIN and self._accesses.of(persona_id) != SHARED:
            self.refuse_unless("share", persona_id)

    def claim(self, persona_id: str) -> bool:
        """Make a new persona this person's; False if its id belongs to someone already."""
        return self._accesses.claim(persona_id, PersonaAccess(self.person.key, "private"))

    def forget_claim(self, persona_id: str) -> None:
        self._accesses.forget(persona_id)

    def is_taken(self, persona_id: str) -> bool:
        """Whether an id belongs to someone who doesn't let this person change it."""
        access = self._accesses.of(persona_id)
        return access != SHARED and not self.judge("edit", access)

    # --- who may do what --------------------------------------------------------------------------

    def access(self, persona_id: str) -> PersonaAccess:
        """The access rules, for people who may change them. Raises PersonaNotFound, EditingNotAllowed."""
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
        """Set the rules; only an admin changes the owner.

        Raises PersonaNotFound, EditingNotAllowed, AccessInvalid.
        """
        before = self.access(persona_id)
        if access.owner != before.owner and self.person.role is not Role.ADMIN:
            raise EditingNotAllowed("Only an admin can give a persona to somebody else.", hint="Ask one.")
        if problem := problem_of(access):
            raise AccessInvalid(problem)
        self._accesses.put(persona_id, access)


_REFUSALS: Mapping[str, str] = {
    "create": "Your role lets you chat, but not create personas.",
    "edit": "You can use this persona, but not change it.",
    "share": "You can use this persona, but not share it.",
    "prompt": "This persona's prompt is hidden from you.",
    "use": "You can't use this persona.",
}


def not_allowed(right: str) -> EditingNotAllowed:
    return EditingNotAllowed(_REFUSALS[right], hint="Ask its owner or an admin.")
