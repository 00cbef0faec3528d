"""What people are told of who saved something, where all that is known of them is whose work it is."""

from __future__ import annotations

import getpass
from functools import cache

LOCAL_OWNER = "local"
"""Whoever sits at this machine: the terminal, and page and API over loopback."""

_SHOWN_CHARACTERS = 4


def author_of(owner: str) -> str:
    """E.g. "ada" for who sits at this machine, "API token 3f9c", "Visitor 81aa"; tells no secret."""
    if owner == LOCAL_OWNER:
        return _local_user()
    kind, _, digest = owner.partition(":")
    label = {"token": "API token", "user": "User", "browser": "Visitor"}.get(kind, "Somebody")
    return f"{label} {digest[:_SHOWN_CHARACTERS]}".strip()


@cache
def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "This machine"


_COMPARING = "#compare"


def comparing(owner: str) -> str:
    """Under whom the conversations of somebody's comparisons are kept.

    No list, search, export or look-up of the person's own conversations finds them there.
    """
    return owner + _COMPARING


def person_of(owner: str) -> str:
    """Whose calls they are, where conversations are kept under `owner`."""
    return owner.removesuffix(_COMPARING)


def is_comparing(owner: str) -> bool:
    """Whether the conversations of comparisons are kept under this one."""
    return owner.endswith(_COMPARING)
