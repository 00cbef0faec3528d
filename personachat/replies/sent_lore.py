"""The text inserted among the turns, and the lore that was sent, as a sent request records them. Pure.

They are among the request's parameters. Requests of earlier versions don't have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personachat.messages import ChatMessage, Role
from personachat.personas.prompt import Inserted, PersonaPart

_INSERTED, _LORE = "inserted", "lore"
_ROLES: Mapping[Any, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
_MOST_NAME_CHARACTERS = 80
_MOST_LORE_KEYS = 500


def as_parameters(own: PersonaPart) -> dict[str, Any]:
    """What is recorded, as JSON; empty if there is nothing."""
    values: dict[str, Any] = {}
    if own.inserted:
        values[_INSERTED] = [[each.depth, each.message.role, each.message.content] for each in own.inserted]
    if own.lore.entries:
        values[_LORE] = [list(pair) for pair in told_keys(own)[:_MOST_LORE_KEYS]]
    return values


def told_keys(own: PersonaPart) -> tuple[tuple[str, str], ...]:
    """The entries that are sent: each one's name, or the start of its text, and what activated it."""
    return tuple((_name(each.entry.name or each.text), each.by) for each in own.lore.entries)


def inserted_of(parameters: Mapping[str, Any]) -> list[Inserted]:
    """The text inserted among the turns."""
    inserted = parameters.get(_INSERTED)
    return [
        Inserted(depth, ChatMessage(_ROLES.get(role, "system"), content))
        for depth, role, content in (inserted if isinstance(inserted, list) else [])
    ]


def lore_of(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The entries that were sent, in the form of `told_keys`."""
    lore = parameters.get(_LORE)
    return tuple((name, by) for name, by in (lore if isinstance(lore, list) else []))


def _name(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_NAME_CHARACTERS else f"{line[: _MOST_NAME_CHARACTERS - 1]}…"
