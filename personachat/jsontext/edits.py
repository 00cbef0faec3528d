"""Surgical edits of a JSON text: one value changes, every other character stays as somebody wrote it.

What is added follows the style of the text: its indent, its line ends, one line or many, escapes or letters.
A text that already says what is asked for is returned as it is. `path` is made of keys and of indices counted
from 0; of a key that is there twice the last one counts, as everywhere. Broken texts are refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from personachat.jsontext.faults import WORD, Path
from personachat.jsontext.layout import TOKEN, Layout, skip
from personachat.jsontext.reader import read_json


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of an object or a list: its key or index, and where it, its value and its end stand."""

    key: str | int
    start: int
    value: int
    end: int


def with_value(text: str, path: Path, value: Any, *, order: Sequence[str] = ()) -> str:
    """Set the value at `path`; missing objects on the way to it are made, and a list's length appends to it.

    A new key goes behind the last one that stands before it in `order`, and to the end where that knows none.
    Raises ValueError for a broken text and for a value that is no JSON, LookupError where the path leads
    through something that is neither object nor list, or past the end of a list.
    """
    _refuse_broken(text)
    start = skip(text, 0)
    for depth, step in enumerate(path):
        entries = _entries(text, start)
        entry = _find(entries, step)
        if entry is None:
            if text[start] != ("[" if isinstance(step, int) else "{") or step not in (
                str(step),
                len(entries),
            ):
                raise LookupError(f"There is no place for {step!r}.")
            return _added(text, start, entries, step, _wrapped(value, path[depth + 1 :]), order)
        start = entry.value
    end = _end(text, start)
    if _says(text[start:end], value):
        return text
    return text[:start] + Layout(text).rendered(value, at=start, like=text[start:end]) + text[end:]


def without(text: str, path: Path) -> str:
    """Remove a key or an entry of a list with its comma; a text that does not have it stays as it is.

    Raises ValueError for a broken text and for the empty path.
    """
    _refuse_broken(text)
    if not path:
        raise ValueError("The whole text can't be removed.")
    while (place := _place(text, path)) is not None:  # a key may be there twice
        entries, at = place
        text = _removed(text, entries, at)
        if isinstance(path[-1], int):
            break
    return text


def swapped(text: str, path: Path, other: int) -> str:
    """Let the list entry at `path` and the one at index `other` of the same list change places, as written.

    Raises ValueError for a broken text, LookupError where one of them is not there.
    """
    _refuse_broken(text)
    place = _place(text, path)
    if place is None or not 0 <= other < len(place[0]) or not isinstance(path[-1], int):
        raise LookupError("This entry doesn't exist.")
    one, two = sorted((place[0][place[1]], place[0][other]), key=lambda entry: entry.start)
    if one is two:
        return text
    first, second = text[one.value : one.end], text[two.value : two.end]
    return text[: one.value] + second + text[one.end : two.value] + first + text[two.end :]


def merged(before: str, one: str, other: str) -> str:
    """Both changes of a text that two hands changed at once; `one` where they touch the same place."""
    both = both_changes(before, one, other)
    return one if both is None else both


def both_changes(before: str, one: str, other: str) -> str | None:
    """Both changes of a text that two hands changed at once; None if they touch the same place."""
    if other in (before, one):
        return one
    if one == before:
        return other
    start, end = _changed(before, one)
    other_start, other_end = _changed(before, other)
    if (start < other_end and other_start < end) or start == other_start:
        return None
    inserted = one[start : len(one) - (len(before) - end)]
    at = start if end <= other_start else start + len(other) - len(before)
    return other[:at] + inserted + other[at + end - start :]


def put_back(before: str, after: str, now: str, path: Path) -> str:
    """Undo the change at `path` that made `after` of `before`, in a text that was edited since.

    What stood there comes back as it was written. Where that place itself was edited, an entry of a list
    comes to its end, and a key is set to the value it had. Raises as `with_value` does, and TypeError.
    """
    if now == after:
        return before
    value = _value(before, path)
    text = both_changes(after, before, now)
    if text is not None and not read_json(text).broken and _has(text, path, value):
        return text
    if isinstance(path[-1], int):
        path = (*path[:-1], len(_value(now, path[:-1])))
    return with_value(now, path, value)


def _value(text: str, path: Path) -> Any:
    """Raises LookupError or TypeError if there is nothing."""
    value: Any = read_json(text).value
    for step in path:
        value = value[step]
    return value


def _has(text: str, path: Path, value: Any) -> bool:
    with suppress(LookupError, TypeError):
        return bool(_value(text, path) == value)
    return False


def _changed(before: str, after: str) -> tuple[int, int]:
    """The span of `before` that is not the same in `after`."""
    start = _same_start(before, after)
    most = min(len(before), len(after)) - start
    return start, len(before) - min(most, _same_start(before[::-1], after[::-1]))


def _same_start(one: str, two: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((at for at, (here, there) in pairs if here != there), min(len(one), len(two)))


def _refuse_broken(text: str) -> None:
    if read_json(text).broken:
        raise ValueError("The text is not valid JSON, so it can't be edited by field.")


def _wrapped(value: Any, path: Path) -> Any:
    for step in reversed(path):
        if step != str(step):
            raise LookupError(f"There is no list at {step!r}.")
        value = {step: value}
    return value


def _says(piece: str, value: Any) -> bool:
    """Whether a piece of JSON is this very value; 1, 1.0 and true are not the same."""
    try:
        return json.dumps(json.loads(piece), sort_keys=True) == json.dumps(value, sort_keys=True)
    except ValueError:  # a number that only a reader of faulty texts takes
        return False


# --- where things stand -----------------------------------------------------------------------------


def _end(text: str, start: int) -> int:
    """Where the value that starts here ends."""
    if text[start] not in '{["':
        match = WORD.match(text, start)
        return match.end() if match else start
    depth = 0
    for token in TOKEN.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    raise ValueError("The text ends inside a value.")


def _entries(text: str, start: int) -> list[_Entry]:
    """The entries of the object or list that starts here; none of anything else."""
    entries: list[_Entry] = []
    if text[start] not in "{[":
        return entries
    at = skip(text, start + 1)
    while text[at] not in "}]":
        key: str | int = len(entries)
        value = at
        if text[start] == "{":
            key, value = scanstring(text, at + 1, True)
            value = skip(text, skip(text, value) + 1)
        end = _end(text, value)
        entries.append(_Entry(key, at, value, end))
        at = skip(text, end)
        if text[at] == ",":
            at = skip(text, at + 1)
    return entries


def _find(entries: Sequence[_Entry], step: str | int) -> _Entry | None:
    for entry in reversed(entries):
        if entry.key == step and isinstance(entry.key, str) == isinstance(step, str):
            return entry
    return None


def _place(text: str, path: Path) -> tuple[list[_Entry], int] | None:
    """The entries around the one at `path`, and which of them it is."""
    start, entries = skip(text, 0), []
    entry: _Entry | None = None
    for step in path:
        entries = _entries(text, start)
        entry = _find(entries, step)
        if entry is None:
            return None
        start = entry.value
    return (entries, entries.index(entry)) if entry else None


# --- adding and removing ------------------------------------------------------------------------------


def _removed(text: str, entries: Sequence[_Entry], at: int) -> str:
    entry = entries[at]
    if len(entries) == 1:
        opening = len(text[: entry.start].rstrip(" \t\n\r"))
        return text[:opening] + text[skip(text, entry.end) :]
    if at == 0:
        return text[: entry.start] + text[entries[1].start :]
    return text[: entries[at - 1].end] + text[entry.end :]


def _added(
    text: str, start: int, entries: Sequence[_Entry], step: str | int, value: Any, order: Sequence[str]
) -> str:
    style = Layout(text)
    if not entries:
        end = _end(text, start)
        whole = {step: value} if isinstance(step, str) else [value]
        return text[:start] + style.rendered(whole, at=start, like="") + text[end:]
    between = _between(text, start, entries)
    at = _after(entries, step, order)
    place = entries[at].start if at >= 0 else entries[0].start
    new = style.rendered(value, at=place, like="")
    if isinstance(step, str):
        _, key_end = scanstring(text, entries[0].start + 1, True)
        new = style.rendered(step, at=place, like="") + text[key_end : entries[0].value] + new
    if at < 0:
        return text[:place] + new + between + text[place:]
    return text[: entries[at].end] + between + new + text[entries[at].end :]


def _between(text: str, start: int, entries: Sequence[_Entry]) -> str:
    """What stands between two entries: the least that does, or made up if there is only one."""
    gaps = [text[one.end : two.start] for one, two in pairwise(entries)]
    if gaps:
        return min(gaps, key=len)
    lead = text[start + 1 : entries[0].start]
    if "\n" in lead or "\r" in lead:
        return f",{lead}"
    return "," if Layout(text).is_compact else ", "


def _after(entries: Sequence[_Entry], step: str | int, order: Sequence[str]) -> int:
    """Which entry the new one follows; -1 for none."""
    if step not in order:
        return len(entries) - 1
    before = set(order[: order.index(str(step))])
    if not any(entry.key in order for entry in entries):
        return len(entries) - 1
    return max((at for at, entry in enumerate(entries) if entry.key in before), default=-1)
