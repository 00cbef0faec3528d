"""Who administers this server: whoever sits at its own machine, and people and tokens with the role admin."""

from __future__ import annotations

from typing import Literal, TypeAlias

from personachat.errors import AdministrationNotAllowed
from personachat.owners import LOCAL_OWNER

Role: TypeAlias = Literal["reader", "editor", "admin"]


def role_of_owner(owner: str) -> Role:
    """The role of somebody of whom nothing but the owner is known."""
    if owner == LOCAL_OWNER:
        return "admin"
    return "reader" if owner.startswith("browser:") else "editor"


def may_administer(owner: str, *, role: str = "") -> bool:
    """Whether this owner, with this role where a token or a login says one, administers."""
    return (role or role_of_owner(owner)) == "admin"


def refuse_others(owner: str, *, role: str = "") -> None:
    """Raises AdministrationNotAllowed, which tells nothing of what there is."""
    if not may_administer(owner, role=role):
        raise AdministrationNotAllowed("There is nothing at this address.")
