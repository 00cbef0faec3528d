"""Reads a card's JSON text within limits, and fixes what no store could hold.

What is read holds nothing but JSON values: finite numbers, texts without NUL and half characters, nested
no deeper than a persona may be. Time and memory are bounded whatever the text.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from personachat.errors import ImportRefused
from personachat.jsontext.reader import MAX_DEPTH, UNSTORABLE
from personachat.messages import storable

MAX_CARD_BYTES = 4 * 1024 * 1024
"""A persona's text may have 1 MB; a card may hold it twice, and indented."""

MAX_CARD_VALUES = 300_000
"""Texts, numbers, lists and objects: some megabytes of brackets would fill a gigabyte once read."""

MENDED = (
    "The card contained data that can't be stored (unpaired surrogates, numbers that are too large, "
    "or a key given twice). It was fixed."
)


def decoded(text: str) -> tuple[Any, tuple[str, ...]]:
    """Return the value of a JSON text, and what was fixed. Raises ImportRefused."""
    if len(text) > MAX_CARD_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_CARD_BYTES:
        _refuse(f"The file is too large; the limit is {MAX_CARD_BYTES // 1024 // 1024} MB of text.")
    if sum(map(text.count, ",[{")) > MAX_CARD_VALUES:
        _refuse(f"The file has too many values; the limit is {MAX_CARD_VALUES:,}.")
    doubled = []

    def collected(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            doubled.append(True)
        return members

    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=collected)
    except json.JSONDecodeError as error:
        _refuse(
            f"The file is not valid JSON: there is an error in line {error.lineno}, column {error.colno}."
        )
    except (ValueError, RecursionError):
        _refuse("The file is nested too deeply or contains a number that is too long.")
    value, losses = cleaned(value)
    return value, (MENDED,) if doubled else losses


def cleaned(value: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a copy without what cannot be kept, and what was fixed.

    Raises ImportRefused where it is nested too deep.
    """
    mended: list[bool] = []
    return _copy(value, 1, mended), (MENDED,) if mended else ()


def depth(value: Any) -> int:
    """Return how many objects and lists stand within one another: 0 for a text, 1 for []."""
    deepest, layer = 0, [value]
    while layer := [each for each in layer if isinstance(each, dict | list)]:
        deepest += 1
        layer = [one for each in layer for one in (each.values() if isinstance(each, dict) else each)]
    return deepest


def _copy(value: Any, level: int, mended: list[bool]) -> Any:
    if isinstance(value, dict | list) and level > MAX_DEPTH:
        _refuse(f"The file is nested too deeply; the limit is {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        return {_text(str(key), mended): _copy(each, level + 1, mended) for key, each in value.items()}
    if isinstance(value, list):
        return [_copy(each, level + 1, mended) for each in value]
    if isinstance(value, str):
        return _text(value, mended)
    if value is None or isinstance(value, bool) or _is_finite(value):
        return value
    mended.append(True)
    return None


def _text(text: str, mended: list[bool]) -> str:
    if not UNSTORABLE.search(text):
        return text
    mended.append(True)
    return storable(text)


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint="Nothing was imported.") from None
