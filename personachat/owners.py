"""Owners, and the names that people see for them."""

from __future__ import annotations

import getpass
from functools import cache

LOCAL_OWNER = "local"
"""Whoever uses this machine: the terminal, and pages and API over loopback."""

_SHOWN_CHARACTERS = 4


def author_of(owner: str) -> str:
    """For example "ada" for the user of this machine, "API token 3f9c", "Visitor 81aa"; reveals no secret."""
    if owner == LOCAL_OWNER:
        return _local_user()
    kind, _, digest = owner.partition(":")
    label = {"token": "API token", "user": "User", "browser": "Visitor"}.get(kind, "Somebody")
    return f"{label} {digest[:_SHOWN_CHARACTERS]}".strip()


@cache
def _local_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container the user may have no name
        return "This machine"


_COMPARING = "#compare"


def comparing(owner: str) -> str:
    """The owner of the conversations in somebody's comparisons.

    The person's own lists, searches, exports and look-ups don't find them there.
    """
    return owner + _COMPARING


def person_of(owner: str) -> str:
    """Who the calls are counted for, if conversations belong to `owner`."""
    return owner.removesuffix(_COMPARING)


def is_comparing(owner: str) -> bool:
    """Whether this owns the conversations of comparisons."""
    return owner.endswith(_COMPARING)
