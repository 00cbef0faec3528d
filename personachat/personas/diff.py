"""The differences between two JSON texts of a persona, key by key, in words for people.

Layout and the order of keys make no difference. A text that can't be parsed is compared as a whole. `before`
and `after` are JSON values. A value that is missing on one side is None there, and `kind` says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from personachat.jsontext.faults import Path
from personachat.jsontext.reader import read_json
from personachat.personas.word_diff import DiffPiece, compared_words, spans

__all__ = [
    "DiffPiece",
    "Difference",
    "as_json",
    "changes",
    "difference",
    "differences",
    "is_same",
    "label_of",
]

SHORT_CHARACTERS = 60
"""Characters of two texts together that are quoted as they are; longer ones are compared word by word."""

MOST_CHANGES = 3
WHOLE_TEXT = "Whole text"

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs. `path` leads to it: in `after`, or in `before` if it was removed."""

    path: Path
    label: str
    kind: Kind
    before: Any
    after: Any
    words: tuple[DiffPiece, ...] = ()
    """Two long texts compared word by word; empty for everything else."""


def differences(before: str, after: str) -> tuple[Difference, ...]:
    """Compare two texts, valid or not; empty if only their layout differs."""
    if before == after:
        return ()
    first, second = _object(before), _object(after)
    if first is None or second is None:
        return (difference((), "changed", before, after),)
    return tuple(_of_objects(first, second, ()))


def as_json(all_differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as JSON values, with `before` and `after` only if there was a value."""
    return [
        {"path": list(each.path), "label": each.label, "kind": each.kind}
        | ({} if each.kind == "added" else {"before": each.before})
        | ({} if each.kind == "removed" else {"after": each.after})
        | (
            {"words": [{"kind": piece.kind, "text": piece.text} for piece in each.words]}
            if each.words
            else {}
        )
        for each in all_differences
    ]


def changes(before: str, after: str) -> str:
    """What changed between two texts, in a line: "temperature 0.7 → 0.2, system prompt +120 characters"."""
    if before == after:
        return "nothing"
    first, second = _object(before), _object(after)
    if first is None or second is None:
        return "the whole text"
    sentences = list(_changes(first, second))
    if not sentences:
        return "only its layout"
    more = f" and {len(sentences) - MOST_CHANGES} more" if len(sentences) > MOST_CHANGES else ""
    return ", ".join(sentences[:MOST_CHANGES]) + more


def label_of(path: Path) -> str:
    """A path in words: ("examples", 0, "user") is "Examples, entry 1, user"; () is the whole text."""
    parts = [f"entry {part + 1}" if isinstance(part, int) else _words_of(part) for part in path]
    label = ", ".join(parts)
    return label[:1].upper() + label[1:] or WHOLE_TEXT


def _object(text: str) -> dict[str, Any] | None:
    read = read_json(text)
    return None if read.faults or not isinstance(read.value, dict) else read.value


def _of_objects(before: Mapping[str, Any], after: Mapping[str, Any], path: Path) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        place = (*path, key)
        if key not in after:
            yield difference(place, "removed", before[key], None)
        elif key not in before:
            yield difference(place, "added", None, after[key])
        else:
            yield from _of_values(before[key], after[key], place)


def _of_values(before: Any, after: Any, path: Path) -> Iterator[Difference]:
    if is_same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    else:
        yield difference(path, "changed", before, after)


def _of_lists(before: list[Any], after: list[Any], path: Path) -> Iterator[Difference]:
    for start, end, other_start, other_end in spans(_signs(before), _signs(after)):
        both = min(end - start, other_end - other_start)
        for step in range(both):
            yield from _of_values(
                before[start + step], after[other_start + step], (*path, other_start + step)
            )
        for place in range(start + both, end):
            yield difference((*path, place), "removed", before[place], None)
        for place in range(other_start + both, other_end):
            yield difference((*path, place), "added", None, after[place])


def difference(path: Path, kind: Kind, before: Any, after: Any) -> Difference:
    """One value that differs. Two long texts are compared word by word."""
    both = isinstance(before, str) and isinstance(after, str)
    words = compared_words(before, after) if both and len(before + after) > SHORT_CHARACTERS else ()
    return Difference(path, label_of(path), kind, before, after, words)


def is_same(before: Any, after: Any) -> bool:
    """Whether two JSON values are equal: 1 equals 1.0, but True isn't 1 as in Python."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(is_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(is_same, before, after))
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)


def _signs(entries: list[Any]) -> list[str]:
    return [json.dumps(entry, sort_keys=True) for entry in entries]


def _words_of(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).lower()


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        label = _words_of(key)
        if key not in after:
            yield f"{label} removed"
        elif key not in before:
            yield f"{label} added"
        elif not is_same(before[key], after[key]):
            yield from _change(label, before[key], after[key])


def _change(label: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _changes(before, after)
    elif isinstance(before, list | dict) or isinstance(after, list | dict):
        yield f"{label} changed"
    elif isinstance(before, str) and isinstance(after, str) and len(before + after) > SHORT_CHARACTERS:
        difference = len(after) - len(before)
        yield f"{label} {difference:+,} characters" if difference else f"{label} reworded"
    else:
        yield f"{label} {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else json.dumps(value)
