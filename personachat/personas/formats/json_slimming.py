"""Takes the big extensions out of a big card before anything of it is built, so that memory stays small.

Scripts and pictures that other programs keep in a card's extensions can be twenty times a persona's size.
What is left is judged as any other text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from personachat.jsontext.faults import excerpt

FROM_BYTES = 4 * 1024 * 1024
"""Smaller texts are left as they are."""

BIG_BYTES = 64 * 1024
_LONGEST_KEY = 300

MOST_TOKENS = 800_000
"""Brackets, commas and texts that are looked at: about half a second."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_COLON = re.compile(rb"[ \t\n\r]*:")
_PLACES = ((b'"extensions"',), (b'"data"', b'"extensions"'))


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object: its name as it stands, from its first byte to its last."""

    name: bytes
    start: int
    end: int


def slimmed(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The text of a JSON object without its big extensions, and their names; as it is where it is small."""
    if len(content) < FROM_BYTES:
        return content, ()
    big = _big_extensions(content)
    if not big:
        return content, ()
    pieces: list[bytes] = []
    at = 0
    for member in big:
        pieces += [content[at : member.start], member.name, b": null"]
        at = member.end
    pieces.append(content[at:])
    names = tuple(excerpt(member.name.strip(b'"').decode("utf-8", "replace")) for member in big)
    return b"".join(pieces), names


def _big_extensions(content: bytes) -> list[_Member]:
    """The big members of a card's extensions; those up to where the text breaks off or holds too much."""
    path: list[bytes] = []
    keys: list[tuple[bytes, int] | None] = []  # of each open bracket, the key whose value is being read
    members: list[_Member] = []
    for number, token in enumerate(_TOKEN.finditer(content)):
        if number > MOST_TOKENS:
            break
        sign, at = content[token.start() : token.start() + 1], token.start()
        if sign == b'"':
            if 0 < len(path) <= 3 and token.end() - at < _LONGEST_KEY and _COLON.match(content, token.end()):
                keys[-1] = (token[0], at)
            continue
        if sign in b"{[":
            key = keys[-1] if keys else None
            path.append(key[0] if key else b"")
            keys.append(None)
            continue
        if not path:
            break
        if (key := keys[-1]) and at - key[1] > BIG_BYTES and tuple(path[1:]) in _PLACES:
            members.append(_Member(*key, at))
        keys[-1] = None
        if sign in b"}]":
            path.pop()
            keys.pop()
    return members
