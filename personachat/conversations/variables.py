"""The values that a conversation has for its personas' variables."""

from __future__ import annotations

from collections.abc import Mapping

from personachat.messages import storable
from personachat.variables import MOST_CHARACTERS, MOST_VARIABLES, is_name


def merged(before: Mapping[str, str], new_values: Mapping[str, str]) -> dict[str, str]:
    """A conversation's values once these are added, by lower-case name. An empty value is removed.

    If there are too many, the oldest are dropped.
    """
    named = {name.lower(): value for name, value in new_values.items() if is_name(name)}
    changed = {name: storable(value)[:MOST_CHARACTERS] for name, value in named.items()}
    values = {name: value for name, value in before.items() if name not in changed} | changed
    filled = [(name, value) for name, value in values.items() if value]
    return dict(filled[-MOST_VARIABLES:])
