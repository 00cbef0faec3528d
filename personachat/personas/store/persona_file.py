"""The content of one file: a persona, or a broken file with the place and the reason."""

from __future__ import annotations

import hashlib
import os

from personachat.errors import PersonaInvalid, Problem
from personachat.jsontext.faults import places
from personachat.jsontext.reader import MAX_TEXT_BYTES, read_json
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import BrokenPersona, StoredPersona

SUFFIX = ".json"

TESTS_SUFFIX = ".tests.yaml"
"""The ending of the test suite beside it."""

PICTURE_SUFFIX = ".png"
"""The ending of the picture beside it."""

Mark = tuple[int, int, int]
"""A picture's times of the last change of content and of status (ns), and its size."""

Signature = tuple[int, int, int, int]
"""Times of the last change of content and of status (ns), size, inode; without a change all four are equal.
"""

_SHOWN_BYTES = 64 * 1024


def read_persona(
    name: str, content: bytes, *, digest: str, signature: Signature
) -> StoredPersona | BrokenPersona:
    if len(content) > MAX_TEXT_BYTES:
        text = content[:_SHOWN_BYTES].decode("utf-8", "replace")
        fault = Problem(
            f"The file is larger than {MAX_TEXT_BYTES // 1024:,} KB; only its beginning is shown."
        )
        return broken_persona(name, text, etag_of(content + repr(signature).encode()), (fault,))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        fault = Problem(
            "From here on, the file is not UTF-8; save it again with that encoding.", line, column
        )
        return broken_persona(name, content.decode("utf-8", "replace"), digest, (fault,))
    try:
        persona = parse_persona(text)
    except PersonaInvalid as invalid:
        return broken_persona(name, text, digest, invalid.problems)
    if f"{persona.id}{SUFFIX}" != name:
        line, column = places(text, [read_json(text).values["id",]])[0]
        advice = f'name the file "{persona.id}{SUFFIX}" or change the id'
        fault = Problem(
            f'The id "{persona.id}" doesn\'t match the name of the file; {advice}.', line, column, ("id",)
        )
        return broken_persona(name, text, digest, (fault,))
    return StoredPersona(persona, text, digest)


def broken_persona(name: str, text: str, etag: str, problems: tuple[Problem, ...]) -> BrokenPersona:
    return BrokenPersona(stem_of(name), printable(name), text, etag, problems)


def stem_of(name: str) -> str:
    return printable(name).removesuffix(SUFFIX)


def printable(name: str) -> str:
    """Return a file's name with invalid UTF-8 in it replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def etag_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
