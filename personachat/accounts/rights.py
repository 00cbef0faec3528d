"""What someone may do with a persona: visibility, grants and denials. Pure.

Its owner and admins may do everything. For everybody else a denial overrides any grant. Changing or sharing a
persona shows its prompt, so both require the right to see it; every right requires the right to use it. A
reader never changes or shares anything. Everyone may use a persona without an owner.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from personachat.accounts.person import Person, Role
from personachat.accounts.roles import fits, is_rule

Right: TypeAlias = Literal["use", "prompt", "edit", "share"]
"""To talk to it, to see its prompt, to change it, and to publish it by a link."""

Visibility: TypeAlias = Literal["private", "team", "everyone"]
"""Who may use it without being named: nobody, people who are logged in, or visitors too."""

RIGHTS: Final[tuple[Right, ...]] = ("use", "prompt", "edit", "share")
VISIBILITIES: Final[tuple[Visibility, ...]] = ("private", "team", "everyone")
NOBODY: Final = ""
"""The owner of a persona that no person owns."""

MOST_GRANTS = 200
MOST_WHO_CHARACTERS = 330

_NEEDS: Final[dict[Right, tuple[Right, ...]]] = {
    "use": ("use",),
    "prompt": ("use", "prompt"),
    "edit": ("use", "prompt", "edit"),
    "share": ("use", "prompt", "share"),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One person, domain or group (a rule as in `roles`), or "*" for all, may or may not do something."""

    who: str
    right: Right
    allowed: bool = True

    def speaks_of(self, person: Person) -> bool:
        if self.who == "*":
            return True
        return fits(self.who, email=person.email, groups=person.groups)


@dataclass(frozen=True, slots=True)
class PersonaAccess:
    """The access rules of one persona. `owner` is a person's key; "" is nobody."""

    owner: str = ""
    visibility: Visibility = "everyone"
    prompt_visible: bool = True
    """Whether everyone who may use it may see its prompt, unless a grant says otherwise."""
    grants: tuple[Grant, ...] = ()


SHARED = PersonaAccess()
"""For a persona without any rules."""


def may(person: Person, right: Right, access: PersonaAccess, *, shared_are_edited: bool = False) -> bool:
    """Whether someone may; with `shared_are_edited`, every editor may change personas without an owner."""
    if person.role is Role.ADMIN:
        return True
    if right in {"edit", "share"} and not person.role.includes(Role.EDITOR):
        return False
    if access.owner and access.owner == person.key:
        return True
    ours = shared_are_edited and not access.owner and access.visibility == "everyone"
    return all(_allowed(person, each, access, shared_are_edited=ours) for each in _NEEDS[right])


def may_manage(person: Person, access: PersonaAccess) -> bool:
    """Whether someone may change the rules: an admin, or the owner while they are an editor."""
    if person.role is Role.ADMIN:
        return True
    return person.role.includes(Role.EDITOR) and bool(access.owner) and access.owner == person.key


def _allowed(person: Person, right: Right, access: PersonaAccess, *, shared_are_edited: bool) -> bool:
    answers = [grant.allowed for grant in access.grants if grant.right == right and grant.speaks_of(person)]
    if answers:
        return all(answers)
    if right == "use":
        return (
            access.visibility == "everyone"
            or (access.visibility == "team" and person.is_known)
            or _is_named(person, access.grants)
        )
    if right == "prompt":
        return access.prompt_visible or _is_named(person, access.grants, among=("edit", "share"))
    return shared_are_edited


def _is_named(
    person: Person, grants: Collection[Grant], *, among: Collection[Right] = ("prompt", "edit", "share")
) -> bool:
    """Whether a higher right was granted, which is useless without this one."""
    return any(grant.allowed and grant.right in among and grant.speaks_of(person) for grant in grants)


def problem_of(access: PersonaAccess) -> str:
    """What is wrong with new rules, as a sentence; "" if nothing is."""
    if len(access.grants) > MOST_GRANTS:
        return f"A persona can have at most {MOST_GRANTS} rules."
    for grant in access.grants:
        rule_is_good = grant.who == "*" or (is_rule(grant.who) and not grant.who.startswith("claim:"))
        if len(grant.who) > MOST_WHO_CHARACTERS or not rule_is_good:
            return (
                "Each rule must name an address such as ada@example.com, a domain such as @example.com, "
                "a group such as group:editors, or * for everyone."
            )
    return ""
