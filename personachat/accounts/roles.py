"""Which role somebody has, by the operator's lists. Pure.

A rule is an address (`ada@example.com`), a domain (`@example.com`), a group (`group:editors`) or a claim
(`claim:department=Sales`). The greatest role whose list fits counts. Whoever is in none has the default role,
or is refused where that is none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from personachat.accounts.identity import Identity, groups_in
from personachat.accounts.person import Person, Role
from personachat.settings import ROLE_RULE, Settings


@dataclass(frozen=True, slots=True)
class RoleRules:
    """The lists by role; `default` is None where unknown people are refused."""

    admins: Sequence[str] = ()
    editors: Sequence[str] = ()
    readers: Sequence[str] = ()
    default: Role | None = Role.READER
    groups_claim: str = "groups"

    @classmethod
    def of(cls, settings: Settings) -> RoleRules:
        default = None if settings.default_role == "none" else Role(settings.default_role)
        return cls(settings.admins, settings.editors, settings.readers, default, settings.groups_claim)

    def person(self, identity: Identity) -> Person | None:
        """The person with their role; None where they are refused."""
        groups = groups_in(identity.claims, self.groups_claim)
        role = self._role(identity.email, groups, identity.claims)
        if role is None:
            return None
        return Person(identity.key, role, identity.name, identity.email, groups)

    def still(self, person: Person) -> Person | None:
        """Somebody who was seen, by today's lists; None where they would be refused by now.

        What their login claimed besides is not kept, so a role that a claim may have given stays.
        """
        role = self._role(person.email, person.groups, {})
        if any(rule.startswith("claim:") for rule in self._rules_of(person.role)):
            role = max(role or Role.READER, person.role, key=tuple(Role).index)
        return None if role is None else replace(person, role=role)

    def _rules_of(self, role: Role) -> Sequence[str]:
        return {Role.ADMIN: self.admins, Role.EDITOR: self.editors, Role.READER: self.readers}[role]

    def _role(self, email: str, groups: Collection[str], claims: Mapping[str, Any]) -> Role | None:
        lists = ((Role.ADMIN, self.admins), (Role.EDITOR, self.editors), (Role.READER, self.readers))
        for role, rules in lists:
            if any(fits(rule, email=email, groups=groups, claims=claims) for rule in rules):
                return role
        return self.default


def fits(rule: str, *, email: str, groups: Collection[str], claims: Mapping[str, Any] | None = None) -> bool:
    """Whether a rule speaks of somebody with this address, these groups and these claims."""
    kind, separator, rest = rule.partition(":")
    if separator and kind == "group":
        return rest in groups
    if separator and kind == "claim":
        name, _, wanted = rest.partition("=")
        return wanted in groups_in(claims or {}, name)
    rule = rule.lower()
    if rule.startswith("@"):
        return bool(email) and email.rpartition("@")[2] == rule[1:]
    return bool(email) and email == rule


def is_rule(text: str) -> bool:
    """Whether a text can be a rule."""
    return bool(ROLE_RULE.fullmatch(text))
