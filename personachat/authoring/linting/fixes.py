"""Automatic fixes: one value set, one piece of a text replaced, or one key removed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from personachat.jsontext.edits import with_value, without
from personachat.jsontext.faults import Path
from personachat.jsontext.reader import read_json


@dataclass(frozen=True, slots=True)
class Fix:
    """`label` says what it does. Without a `value` it removes what is at `path`.

    With `old` it replaces that piece of the text at `path`, which begins at the character `at`.
    """

    label: str
    path: Path
    value: str | float | None = None
    old: str = ""
    at: int = 0


def left_out(path: Path) -> Fix:
    return Fix("Leave it out", path)


def written(old: str, new: str, *, path: Path, at: int) -> Fix:
    """Replace a piece of a text."""
    return Fix(f"Write {new}", path, new, old, at)


def fixed(text: str, fix: Fix, *, order: Sequence[str] = ()) -> str:
    """The persona's JSON text after the fix; every other character stays as it was.

    Raises ValueError for a broken text, LookupError if the place doesn't exist.
    """
    if fix.value is None:
        return without(text, fix.path)
    if not fix.old:
        return with_value(text, fix.path, fix.value, order=order)
    value = read_json(text).value
    for step in fix.path:
        value = value[step]
    if not isinstance(value, str) or value[fix.at : fix.at + len(fix.old)] != fix.old:
        raise LookupError("The text has changed.")
    return with_value(text, fix.path, value[: fix.at] + str(fix.value) + value[fix.at + len(fix.old) :])
