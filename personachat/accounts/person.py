"""Who somebody is and what kind of work they may do; plain values that everything else here speaks of.

A person is known by a key, which is the owner of all that is theirs. Where it comes from says `identity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from personachat.owners import LOCAL_OWNER


class Role(StrEnum):
    """From the least to the most: each may do what the ones before it may."""

    READER = "reader"
    """Chats."""
    EDITOR = "editor"
    """Creates personas, and changes their own and those given to them."""
    ADMIN = "admin"
    """Everything, for everybody."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other one may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks: a person, a program with a token, a visitor's browser, or this machine itself.

    `key` is the owner string. `email` is only set where the provider vouches for it.
    """

    key: str
    role: Role
    name: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()
    """Rules of the settings that spoke of a claim of the newest login, such as `claim:department=Sales`."""

    @property
    def stated_role(self) -> str:
        """The role that a login says; "" where nobody logged in."""
        return self.role if self.key.startswith("user:") else ""

    @property
    def is_known(self) -> bool:
        """Whether it is more than a browser that nobody logged in from."""
        return not self.key.startswith("browser:")


def local_person() -> Person:
    """Whoever sits at this machine; they can read its files anyway."""
    return Person(LOCAL_OWNER, Role.ADMIN)
