"""A person and the kind of work they may do; plain values that the rest of this package uses.

A person has a key, which is the owner of everything of theirs. `identity` says where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from personachat.owners import LOCAL_OWNER


class Role(StrEnum):
    """From least to most: each may do everything that the ones before it may."""

    READER = "reader"
    """Chats."""
    EDITOR = "editor"
    """Creates personas, and changes their own and those given to them."""
    ADMIN = "admin"
    """Everything, for everybody."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do everything that the other one may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Who sends a request: a person, a program with a token, a visitor's browser, or this machine itself.

    `key` is the owner string. `email` is only set if the provider verified it.
    """

    key: str
    role: Role
    name: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    """Rules in the settings that matched a claim of the newest login, such as `claim:department=Sales`."""

    @property
    def stated_role(self) -> str:
        """The role that a login gives; "" without a login."""
        return self.role if self.key.startswith("user:") else ""

    @property
    def is_known(self) -> bool:
        """Whether it is more than a browser without a login."""
        return not self.key.startswith("browser:")


def local_person() -> Person:
    """The user of this machine, who can read its files anyway."""
    return Person(LOCAL_OWNER, Role.ADMIN)
