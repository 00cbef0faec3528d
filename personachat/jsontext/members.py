"""Cuts a JSON text into the members of its outermost object or list, without building their values.

So that a big or hostile file costs no more memory than its text: what is cut out is judged piece by piece.
The pieces are no promise that the text is JSON; whoever uses one reads it strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_MARKS = 400_000
"""Brackets and commas in one text, which bound how many values it can hold."""

MOST_MEMBERS = 10_000
"""Of the outermost object or list."""

MOST_PERSONA_VALUES = 100_000
"""In one persona; a text full of brackets would cost a hundred times its size once it is read."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_COLON = re.compile(r"[ \t\n\r]*:")
_SPACE = " \t\n\r"
_DEPTHS = {"{": 1, "[": 1, "}": -1, "]": -1}


@dataclass(frozen=True, slots=True)
class MemberText:
    """A member's value as it stands in the text, from `start` up to `end`; `key` is None in a list."""

    key: str | None
    start: int
    end: int


class Torn(ValueError):
    """The text is no JSON, or holds more than it may; `offset` is where that was noticed."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def pieces(text: str, *, most_marks: int = MOST_MARKS) -> list[MemberText]:
    """The members of the object or list that `text` is. Raises Torn."""
    start = len(text) - len(text.lstrip(_SPACE)) + 1
    if text[start - 1 : start] not in ("{", "["):
        raise Torn("The text is neither an object nor a list.", start - 1)
    is_object = text[start - 1] == "{"
    members: list[MemberText] = []
    key: str | None = None
    for token, depth in _tokens(text, most_marks):
        sign, at = token[0], token.start()
        if sign[0] == '"' and is_object and depth == 1 and key is None:
            if colon := _COLON.match(text, token.end()):
                key, start = _key(sign, at), colon.end()
        elif depth == 0 or (depth == 1 and sign == ","):
            value = text[start:at].strip(_SPACE)
            if value:
                begin = text.index(value[0], start)
                members.append(MemberText(key, begin, begin + len(value)))
            elif members or depth:
                raise Torn("A comma is one too many, or a value is missing.", at)
            if len(members) > MOST_MEMBERS:
                raise Torn(f"The text has more than {MOST_MEMBERS:,} members.", at)
            key, start = None, at + 1
    if text[start:].strip(_SPACE):
        raise Torn("Something follows the end of the text.", start)
    return members


def value_count(text: str) -> int:
    """How many values a JSON text can hold at most."""
    return sum(map(text.count, ",[{"))


def _tokens(text: str, most_marks: int) -> Iterator[tuple[re.Match[str], int]]:
    """The strings, brackets and commas up to the last bracket's, each with how deep it leads."""
    marks = depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] == '"':
            raise Torn("The text ends too early: a quote is never closed.", token.start())
        marks += token[0][0] != '"'
        if marks > most_marks:
            raise Torn(f"The text has more than {most_marks:,} values.", token.start())
        depth += _DEPTHS.get(token[0], 0)
        yield token, depth
        if depth == 0:
            return
    raise Torn("The text ends too early: a bracket is never closed.", len(text))


def _key(sign: str, at: int) -> str:
    try:
        return str(json.loads(sign))
    except ValueError as error:
        raise Torn("A key contains something that is not valid in JSON.", at) from error
