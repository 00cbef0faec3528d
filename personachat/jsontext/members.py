"""Cuts a JSON text into the members of its outermost object or list, without building their values.

So that a big or hostile file costs no more memory than its text: what is cut out is judged piece by piece.
The pieces are no promise that the text is JSON; whoever uses one reads it strictly.
"""

from __future__ import annotations

import json
import re
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


@dataclass(frozen=True, slots=True)
class Piece:
    """A member's value as it stands in the text, from `start` up to `end`; `key` is None in a list."""

    key: str | None
    start: int
    end: int


class Torn(ValueError):
    """The text is no JSON, or holds more than it may; `offset` is where that was noticed."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def pieces(text: str, *, most_marks: int = MOST_MARKS) -> list[Piece]:
    """The members of the object or list that `text` is. Raises Torn."""
    return _Cutter(text, most_marks).cut()


def value_count(text: str) -> int:
    """How many values a JSON text can hold at most."""
    return sum(map(text.count, ",[{"))


class _Cutter:
    def __init__(self, text: str, most_marks: int) -> None:
        self.text = text
        self.most_marks = most_marks
        self.start = len(text) - len(text.lstrip(_SPACE)) + 1
        """Where the next value, or its key, begins."""
        self.key: str | None = None
        self.depth = 0
        self.found: list[Piece] = []

    def cut(self) -> list[Piece]:
        is_object = self.text[: self.start].endswith("{")
        if not is_object and not self.text[: self.start].endswith("["):
            raise Torn("The text is neither an object nor a list.", self.start - 1)
        marks = 0
        for token in _TOKEN.finditer(self.text):
            if token[0] == '"':
                raise Torn("The text ends too early: a quote is never closed.", token.start())
            if token[0][0] == '"':
                if is_object and self.depth == 1 and self.key is None:
                    self._name(token)
                continue
            marks += 1
            if marks > self.most_marks:
                raise Torn(f"The text has more than {self.most_marks:,} values.", token.start())
            self._mark(token[0], token.start())
            if self.depth == 0:
                return self._end(token.end())
        raise Torn("The text ends too early: a bracket is never closed.", len(self.text))

    def _name(self, token: re.Match[str]) -> None:
        if colon := _COLON.match(self.text, token.end()):
            self.key, self.start = _key(token[0], token.start()), colon.end()

    def _mark(self, sign: str, at: int) -> None:
        if sign in "{[":
            self.depth += 1
        elif sign in "}]":
            self.depth -= 1
        if self.depth == 0 or (self.depth == 1 and sign == ","):
            self._add(at, is_last=self.depth == 0)
            self.key, self.start = None, at + 1

    def _add(self, end: int, *, is_last: bool) -> None:
        value = self.text[self.start : end]
        inner = value.strip(_SPACE)
        if inner:
            if len(self.found) == MOST_MEMBERS:
                raise Torn(f"The text has more than {MOST_MEMBERS:,} members.", end)
            begin = self.start + len(value) - len(value.lstrip(_SPACE))
            self.found.append(Piece(self.key, begin, begin + len(inner)))
        elif self.found or not is_last:
            raise Torn("There is an extra comma, or a value is missing.", end)

    def _end(self, at: int) -> list[Piece]:
        if self.text[at:].strip(_SPACE):
            raise Torn("There is text after the end.", at)
        return self.found


def _key(sign: str, at: int) -> str:
    try:
        return str(json.loads(sign))
    except ValueError as error:
        raise Torn("A key contains something that is not valid in JSON.", at) from error
