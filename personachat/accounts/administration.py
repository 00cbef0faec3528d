"""Who administers this server: the user of its own machine, and people and tokens with the role admin."""

from __future__ import annotations

from typing import Literal, TypeAlias

from personachat.errors import AdministrationNotAllowed
from personachat.owners import LOCAL_OWNER

Role: TypeAlias = Literal["reader", "editor", "admin"]


def role_of_owner(owner: str) -> Role:
    """The role of an owner about whom nothing else is known."""
    if owner == LOCAL_OWNER:
        return "admin"
    return "reader" if owner.startswith("browser:") else "editor"


def may_administer(owner: str, *, role: str = "") -> bool:
    """Whether this owner administers; `role` is the one of a token or a login, if any."""
    return (role or role_of_owner(owner)) == "admin"


def refuse_others(owner: str, *, role: str = "") -> None:
    """Raises AdministrationNotAllowed, which reveals nothing."""
    if not may_administer(owner, role=role):
        raise AdministrationNotAllowed("There is nothing at this address.")
