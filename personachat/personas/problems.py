"""Says in sentences what pydantic found: the cause and the fix, for the person who wrote the text."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from personachat.jsontext.faults import Fault, Path, excerpt
from personachat.jsontext.reader import JsonText

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "text in double quotes",
    "float_type": "a number without quotes",
    "int_type": "a whole number without quotes",
    "bool_type": "true or false without quotes",
    "tuple_type": 'a list such as ["one", "two"]',
    "dict_type": "an object in braces { }",
    "model_type": "an object in braces { }",
    "model_attributes_type": "an object in braces { }",
}


def schema_faults(
    errors: list[ErrorDetails], read: JsonText, valid_keys: Mapping[Path, tuple[str, ...]]
) -> list[Fault]:
    """Turn pydantic's errors on a text's value into faults with offsets.

    `valid_keys` gives the keys an object may have, by path without list indices.
    """
    faults = []
    for error in errors:
        path: Path = tuple(error["loc"])
        if any(path[: len(spoiled)] == spoiled for spoiled in read.spoiled):
            continue
        if error["type"] == "value_error" and any(spoiled[: len(path)] == path for spoiled in read.spoiled):
            continue
        message, offset = _sentence(error, path, valid_keys), read.values.get(path, 0)
        if error["type"] == "missing":
            offset = read.values[path[:-1]]
        elif error["type"] == "extra_forbidden":
            offset = read.keys[path]
        faults.append(Fault(message, offset, path))
    return faults


def _sentence(error: ErrorDetails, path: Path, valid_keys: Mapping[Path, tuple[str, ...]]) -> str:
    kind, value, limits = error["type"], error["input"], error.get("ctx", {})
    if kind == "missing":
        return f'The key "{path[-1]}" is missing; add "{path[-1]}": "…".'
    if kind == "extra_forbidden":
        return _unknown_key(path, valid_keys)
    if kind in _KINDS:
        return f"{_name(path)} must be {_wrong_kind(kind, value)}"
    if kind == "value_error":
        sentence = f"{_name(path)} {limits['error']}"
        return sentence if sentence.endswith("?") else f"{sentence}."
    fault = _wrong_size(kind, value, limits) or f"can't be used: {error['msg']}"
    return f"{_name(path)} {fault}."


def _wrong_kind(kind: str, value: Any) -> str:
    expected_kind = _KINDS[kind]
    if value is None:
        return f"{expected_kind}, not null; write a value or leave the key out."
    if kind in ("float_type", "int_type") and isinstance(value, str) and _is_number(value):
        return f'{expected_kind}; write {value.strip()} instead of "{excerpt(value)}".'
    if kind == "bool_type" and isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return f'{expected_kind}; write {value.strip().lower()} instead of "{excerpt(value)}".'
    if kind == "int_type" and isinstance(value, float):
        return f"a whole number; write {math.ceil(value)} instead of {value}."
    return f"{expected_kind}, not {_kind_of(value)}."


def _wrong_size(kind: str, value: Any, limits: Mapping[str, Any]) -> str:
    if kind == "greater_than_equal":
        return f"must be at least {_plain(limits['ge'])} (it is {excerpt(json.dumps(value))})"
    if kind == "less_than_equal":
        return f"must be at most {_plain(limits['le'])} (it is {excerpt(json.dumps(value))})"
    if kind in ("too_short", "string_too_short"):
        return "is empty; write something between the quotes"
    if kind in ("too_long", "string_too_long"):
        length, most = len(value), limits["max_length"]
        if isinstance(value, str):
            size, way_out = f"is {length:,} characters long", "Shorten it by"
        else:
            size, way_out = f"has {length:,} entries", "Remove"
        return f"{size}; the limit is {most:,}. {way_out} {length - most:,}"
    return ""


def _unknown_key(path: Path, valid_keys: Mapping[Path, tuple[str, ...]]) -> str:
    key = str(path[-1])
    candidates = valid_keys.get(tuple(part for part in path[:-1] if isinstance(part, str)), ())
    plain = {candidate.lower(): candidate for candidate in candidates}
    near = difflib.get_close_matches(
        key[:64].lower().replace("_", "").replace("-", ""), plain, n=1, cutoff=0.6
    )
    if near:
        return f'Unknown key "{excerpt(key)}"; did you mean "{plain[near[0]]}"?'
    elsewhere = next(
        (place for place, keys in valid_keys.items() if place != path[:-1] and key in keys), None
    )
    if elsewhere is not None:
        home = f'inside "{elsewhere[-1]}"' if elsewhere else "at the top level"
        return f'The key "{key}" doesn\'t belong here; put it {home}.'
    advice = (
        'remove it, or put it inside "extensions"'
        if len(path) == 1
        else f"known keys are {', '.join(candidates)}"
    )
    return f'Unknown key "{excerpt(key)}"; {advice}.'


def _name(path: Path) -> str:
    if not path:
        return "A persona"
    key = next(str(part) for part in reversed(path) if isinstance(part, str))
    indices = [part for part in path if isinstance(part, int)]
    if not indices:
        return f'"{excerpt(key)}"'
    if isinstance(path[-1], int):
        return f'Entry {indices[-1] + 1} of "{excerpt(key)}"'
    return f'"{excerpt(key)}" of entry {indices[-1] + 1} in "{excerpt(path[0])}"'


def _plain(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else str(limit)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().isascii() and "_" not in text and any(char.isdigit() for char in text)


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'the text "{excerpt(value)}"'
    if isinstance(value, int | float):
        return f"the number {excerpt(json.dumps(value))}"
    return "a list" if isinstance(value, list) else "an object"
