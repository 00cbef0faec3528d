"""Merges two people's changes of one persona, field by field. Pure.

Both changed a version that they had in common. Whatever only one of them changed is kept; what both changed
to different values is a clash, which a person decides. Objects are merged key by key; a list is one value.
The layout of the merged text is that of the other's text; of mine only values are taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from personachat.jsontext.edits import with_value, without
from personachat.jsontext.faults import Path
from personachat.jsontext.reader import read_json
from personachat.personas.diff import Difference, difference, differences, is_same, label_of
from personachat.personas.persona import Persona

_MISSING = object()
_ORDER = tuple(field.alias or name for name, field in Persona.model_fields.items())


@dataclass(frozen=True, slots=True)
class _Change:
    path: Path
    value: Any
    """_MISSING where the field was removed."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that both changed to different values; what each did to it, for reading."""

    path: Path
    label: str
    mine: Difference
    theirs: Difference


@dataclass(frozen=True, slots=True)
class Merge:
    """Both texts in one. In `text` every clash is as they have it; `resolved` decides otherwise."""

    text: str
    kept_mine: tuple[Difference, ...]
    """What only I changed, and is kept."""
    kept_theirs: tuple[Difference, ...]
    clashes: tuple[Clash, ...]
    _mine: tuple[_Change, ...] = ()
    """My value of each clash, in their order."""

    def resolved(self, take_mine: Collection[Path]) -> str:
        """The text with my value in the clashes that are named, and theirs in the others."""
        return _applied(self.text, [change for change in self._mine if change.path in take_mine])


def merge_personas(base: str, mine: str, theirs: str) -> Merge | None:
    """Merge two changes of `base`; None if one of the texts cannot be read as an object."""
    first, second, third = (_object(text) for text in (base, mine, theirs))
    if first is None or second is None or third is None:
        return None
    both = list(_compared(first, second, third, ()))
    mine_only = [my for _, my, other in both if my and not other]
    theirs_only = [other for _, my, other in both if other and not my]
    clashes = [(before, my, other) for before, my, other in both if my and other]
    text = _applied(theirs, mine_only)
    return Merge(
        text,
        differences(theirs, text),
        differences(mine, _applied(mine, theirs_only)),
        tuple(
            Clash(my.path, label_of(my.path), _difference(before, my), _difference(before, other))
            for before, my, other in clashes
        ),
        tuple(my for _, my, _ in clashes),
    )


def _compared(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any], path: Path
) -> Iterator[tuple[Any, _Change | None, _Change | None]]:
    """Each field that somebody changed: what it was, my change and theirs, None if one left it alone."""
    for key in dict.fromkeys((*theirs, *mine, *base)):
        place = (*path, key)
        before, my, other = (each.get(key, _MISSING) for each in (base, mine, theirs))
        if _same(my, other):
            continue
        if isinstance(my, dict) and isinstance(other, dict) and (before is _MISSING or _is_object(before)):
            yield from _compared({} if before is _MISSING else before, my, other, place)
            continue
        yield (
            before,
            None if _same(my, before) else _Change(place, my),
            None if _same(other, before) else _Change(place, other),
        )


def _applied(text: str, changes: Collection[_Change]) -> str:
    for change in changes:
        if change.value is _MISSING:
            text = without(text, change.path)
        else:
            text = with_value(text, change.path, change.value, order=_ORDER)
    return text


def _difference(before: Any, change: _Change) -> Difference:
    """One change for reading."""
    if before is _MISSING:
        return difference(change.path, "added", None, change.value)
    if change.value is _MISSING:
        return difference(change.path, "removed", before, None)
    return difference(change.path, "changed", before, change.value)


def _same(one: Any, other: Any) -> bool:
    if one is _MISSING or other is _MISSING:
        return one is other
    return is_same(one, other)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _object(text: str) -> Mapping[str, Any] | None:
    read = read_json(text)
    return None if read.faults or not isinstance(read.value, dict) else read.value
