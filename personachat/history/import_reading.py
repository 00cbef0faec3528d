"""Positions in the text of an import: read once from end to end, with one turn in memory at a time.

A turn is parsed again when it is needed, so a large file takes the memory of its text and a number per turn.
Values aren't checked here; only that the text is JSON and within its limits.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from personachat.history.documents import MOST_CONVERSATIONS

MOST_TURNS = 100_000
"""Per file; so many take some seconds to check and to write."""

_SPACE = re.compile(r"[ \t\n\r]*")


class TooManyTurns(Exception):
    """There are more than MOST_TURNS."""


class TooManyConversations(Exception):
    """There are more than MOST_CONVERSATIONS; reading stops at the first one too many."""


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """A conversation in the file: its values without the turns, and where those begin, if it has a list."""

    values: dict[str, Any]
    places: array[int] | None


@dataclass(frozen=True, slots=True)
class Contents:
    """The file: its values without the conversations; `entries` is None if those aren't a list.

    An entry that isn't an object is the value itself.
    """

    values: dict[str, Any]
    entries: list[ConversationEntry | Any] | None = field(default=None)


def read(text: str) -> Contents | None:
    """The content of the file; None if it isn't an object.

    Raises ValueError, RecursionError and a TooMany.
    """
    return _Reader(text).contents()


def value_at(text: str, place: int) -> Any:
    """The value that begins at a position."""
    return _DECODER.raw_decode(text, place)[0]


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_number)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._turns = 0

    def contents(self) -> Contents | None:
        if self._next() != "{":
            self._value()
            self._end()
            return None
        values: dict[str, Any] = {}
        entries: list[ConversationEntry | Any] | None = None
        for key in self._keys():
            if key == "conversations" and self._next() == "[":
                values.pop(key, None)
                entries = self._entries()
            else:
                entries = None if key == "conversations" else entries
                values[key] = self._value()
        self._end()
        return Contents(values, entries)

    def _entries(self) -> list[ConversationEntry | Any]:
        entries: list[ConversationEntry | Any] = []
        for _ in self._places():
            if len(entries) == MOST_CONVERSATIONS:
                raise TooManyConversations
            entries.append(self._entry())
        return entries

    def _entry(self) -> ConversationEntry | Any:
        if self._next() != "{":
            return self._value()
        values: dict[str, Any] = {}
        places: array[int] | None = None
        for key in self._keys():
            if key == "turns" and self._next() == "[":
                values.pop(key, None)
                places = array("q")
                for place in self._places():
                    places.append(place)
                    self._value()
                    self._turns += 1
                    if self._turns > MOST_TURNS:
                        raise TooManyTurns
            else:
                places = None if key == "turns" else places
                values[key] = self._value()
        return ConversationEntry(values, places)

    def _keys(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller reads each value before the next key."""
        self._take("{")
        if self._next() == "}":
            self._take("}")
            return
        while True:
            if self._next() != '"':
                self._fail("a key was expected")
            key = self._value()
            self._take(":")
            yield key
            if self._next() == "}":
                break
            self._take(",")
        self._take("}")

    def _places(self) -> Iterator[int]:
        """Where each entry of the list that begins here starts; the caller reads it before the next one."""
        self._take("[")
        if self._next() == "]":
            self._take("]")
            return
        while True:
            self._next()
            yield self._at
            if self._next() == "]":
                break
            self._take(",")
        self._take("]")

    def _next(self) -> str:
        match = _SPACE.match(self._text, self._at)
        assert match is not None  # it matches nothing as well
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            self._fail(f"{sign} was expected")
        self._at += 1

    def _value(self) -> Any:
        self._next()
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value

    def _end(self) -> None:
        if self._next():
            self._fail("nothing more was expected")

    def _fail(self, reason: str) -> NoReturn:
        raise json.JSONDecodeError(reason, self._text, self._at)
