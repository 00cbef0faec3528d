"""A person's role by the operator's lists. Pure.

A rule is an address (`ada@example.com`), a domain (`@example.com`), a group (`group:editors`) or a claim
(`claim:department=Sales`). The highest role whose list matches counts. People in no list get the default
role, or are refused if there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from personachat.accounts.identity import Identity, groups_in
from personachat.accounts.person import Person, Role
from personachat.settings import Settings
from personachat.settings.values import ROLE_RULE

_CLAIM = "claim:"


@dataclass(frozen=True, slots=True)
class RoleRules:
    """The lists by role; `default` is None if unknown people are refused."""

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
        """The person with their role; None if they are refused."""
        return self.still(self.named(identity))

    def named(self, identity: Identity) -> Person:
        """A person as their login names them, admitted or not; their role isn't decided."""
        groups = groups_in(identity.claims, self.groups_claim)
        claims = self._fitting_claims(identity)
        return Person(identity.key, Role.READER, identity.name, identity.email, groups, claims)

    def still(self, person: Person) -> Person | None:
        """A person who was seen, by today's lists; None if they would be refused now."""
        role = self._role(person.email, person.groups, person.claims)
        return None if role is None else replace(person, role=role)

    def _fitting_claims(self, identity: Identity) -> frozenset[str]:
        rules = (*self.admins, *self.editors, *self.readers)
        return frozenset(rule for rule in rules if rule.startswith(_CLAIM) and _claims(identity, rule))

    def _role(self, email: str, groups: Collection[str], claims: Collection[str]) -> Role | None:
        lists = ((Role.ADMIN, self.admins), (Role.EDITOR, self.editors), (Role.READER, self.readers))
        for role, rules in lists:
            if any(fits(rule, email=email, groups=groups, claims=claims) for rule in rules):
                return role
        return self.default


def _claims(identity: Identity, rule: str) -> bool:
    """Whether a login matches a rule. An address only counts if it is verified."""
    name, _, expected_value = rule.removeprefix(_CLAIM).partition("=")
    if name == "email":
        return bool(identity.email) and expected_value.lower() == identity.email
    return expected_value in groups_in(identity.claims, name)


def fits(rule: str, *, email: str, groups: Collection[str], claims: Collection[str] = ()) -> bool:
    """Whether a rule matches this address and these groups; `claims` are rules that match."""
    kind, separator, rest = rule.partition(":")
    if separator and kind == "group":
        return rest in groups
    if rule.startswith(_CLAIM):
        return rule in claims
    rule = rule.lower()
    if rule.startswith("@"):
        return bool(email) and email.rpartition("@")[2] == rule[1:]
    return bool(email) and email == rule


def is_rule(text: str) -> bool:
    """Whether a text is a valid rule."""
    return bool(ROLE_RULE.fullmatch(text))
