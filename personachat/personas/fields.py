"""The types of a persona's values, each with its rule and the sentence for a violation.

A sentence starts with the key's name, which `persona_problems` adds, and ends without a full stop.

Ids for personas that only have a name are here, too. A name in any script gives a readable id. If nothing of
the name is left, the id gets a digest of the name, so that two names never share an id by accident. Pure.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection
from typing import Annotated, Any

from anyascii import anyascii
from pydantic import AfterValidator, BeforeValidator, Field

from personachat.avatars import avatar_fault
from personachat.jsontext.reader import MAX_DEPTH, UNSTORABLE
from personachat.personas import limits

ID_PATTERN = rf"^[a-z0-9][a-z0-9_-]{{0,{limits.ID - 1}}}$"

PICTURE_PATTERN = r"[0-9a-f]{32}"

_DEVICES = [
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
]
RESERVED_IDS = frozenset({"deleted", "export", "import", "lint", "schema", "shared"})
"""Addresses under /api/personas that aren't a persona's. Personas that already have one keep it."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_BLANK = {"pattern": "\\S"}
_NOTHING_UNSTORABLE = {"not": {"pattern": "\\u0000"}}
_ONE_LINE = {"not": {"pattern": "[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]"}}


def _text(value: str) -> str:
    if UNSTORABLE.search(value):
        raise ValueError(
            "contains a NUL character or an unpaired surrogate, which can't be stored; remove it"
        )
    return value


def _line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("contains a line break or another control character; write it in one line")
    return _text(value)


def _not_blank(value: str) -> str:
    if value and not value.strip():
        raise ValueError("contains only blanks; write something")
    return value


def is_persona_id(text: str) -> bool:
    """Whether this is a valid id, and so a valid file name."""
    return bool(re.fullmatch(ID_PATTERN, text)) and not text.endswith("\n") and text not in _DEVICES


def _id(value: str) -> str:
    if not is_persona_id(value) and value not in _DEVICES:
        raise ValueError(
            f"must be 1 to {limits.ID} lower-case letters, digits, - and _, starting with a letter or digit, "
            'such as "data-analyst"'
        )
    if value in _DEVICES:
        raise ValueError(f"can't be {value}, which Windows reserves as a device name; choose another")
    return value


def _avatar(value: str) -> str:
    if fault := avatar_fault(value):
        raise ValueError(fault)
    return value


def _picture(value: str) -> str:
    if value and not re.fullmatch(PICTURE_PATTERN, value):
        raise ValueError(
            "must be the name that a picture got when it was added; leave it out, then add the picture again"
        )
    return value


def _whole(value: Any) -> Any:
    """Accept 1000.0 as 1000, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _json_copy(value: Any, depth: int = 1) -> Any:
    """Copy JSON values, so that a persona can't be changed from outside; ValueError for anything else."""
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested too deeply; the limit is {MAX_DEPTH} levels")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float) and not _is_finite(value):
        raise ValueError("contains NaN, Infinity or a number too large for JSON; write a smaller one")
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {_text(key): _json_copy(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list):
        return [_json_copy(entry, depth + 1) for entry in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError("contains something that is not valid in JSON; use texts, numbers, lists and objects")


Text = Annotated[str, Field(strict=True, json_schema_extra=_NOTHING_UNSTORABLE), AfterValidator(_text)]
Line = Annotated[str, Field(strict=True, json_schema_extra=_ONE_LINE), AfterValidator(_line)]
FilledText = Annotated[
    Text,
    Field(min_length=1, json_schema_extra={**_NOTHING_UNSTORABLE, **_NOT_BLANK}),
    AfterValidator(_not_blank),
]
FilledLine = Annotated[
    Line, Field(min_length=1, json_schema_extra={**_ONE_LINE, **_NOT_BLANK}), AfterValidator(_not_blank)
]

PersonaId = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": ID_PATTERN, "not": {"enum": _DEVICES}}),
    AfterValidator(_id),
]
Avatar = Annotated[str, Field(strict=True, max_length=limits.AVATAR), AfterValidator(_avatar)]
Picture = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": f"^({PICTURE_PATTERN})?$"}),
    AfterValidator(_picture),
]
Number = Annotated[float, Field(strict=True)]
WholeNumber = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
Flag = Annotated[bool, Field(strict=True)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_json_copy)]


MOST_STEM_CHARACTERS = 56
"""Characters; the rest is left for a number at the end."""


def free_id(name: str, other_ids: Collection[str]) -> str:
    """An id from the name, with a number if that one is in use."""
    stem = id_stem(name)
    number, persona_id = 1, stem
    while persona_id in other_ids or persona_id in RESERVED_IDS or not is_persona_id(persona_id):
        number += 1
        persona_id = f"{stem}-{number}"
    return persona_id


def id_stem(name: str) -> str:
    """The name in ASCII letters, digits and hyphens; if nothing is left, "persona-" and a digest."""
    plain = anyascii(name[:1_000]).lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MOST_STEM_CHARACTERS].rstrip("-")
    return stem or f"persona-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
