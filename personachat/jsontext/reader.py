"""Reads JSON text into values while noting where each key and value stands.

Strict where Python's own reader is not: a duplicate key, NaN, Infinity, a number too big for a double, NUL
and lone surrogates are faults. Reading goes on after those; a syntax error ends it, since what follows is a
guess. Whatever the text, nothing is raised.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from personachat.jsontext.faults import (
    CLOSERS,
    WORD,
    BrokenText,
    Fault,
    FaultFinder,
    Path,
    excerpt,
    line_of,
    stop,
)

MAX_TEXT_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_FAULTS = 100

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and half characters: no database and no UTF-8 file can hold them."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False, "null": None}
_NOT_FINITE = {"NaN", "Infinity", "-Infinity", "+Infinity", "-NaN"}


@dataclass(slots=True)
class JsonText:
    """A text as read: its value (None if `broken`), the faults, and offsets of keys and values by path."""

    text: str
    value: Any = None
    broken: bool = False
    faults: list[Fault] = field(default_factory=list)
    values: dict[Path, int] = field(default_factory=dict)
    keys: dict[Path, int] = field(default_factory=dict)
    spoiled: set[Path] = field(default_factory=set)
    """Paths of values that could not be read; nothing more need be said of them."""


def read_json(text: str) -> JsonText:
    """Read a text. Look at `broken` before `value`; `faults` come in the order they were met."""
    read = JsonText(text)
    try:
        if len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            stop(f"The text is too large; the limit is {MAX_TEXT_BYTES // 1024:,} KB. Shorten it.", 0)
        read.value = _Reader(read).document()
    except BrokenText as broken:
        read.broken = True
        read.faults.append(broken.fault)
    return read


class _Reader:
    def __init__(self, read: JsonText) -> None:
        self.read = read
        self.text = read.text
        self.refuse = FaultFinder(read.text)

    def document(self) -> Any:
        if self.text.startswith("\ufeff"):
            stop("The text starts with an invisible byte order mark; save it as UTF-8 without one.", 0)
        start = self._skip(0)
        if start == len(self.text):
            stop('The text is empty; a persona starts with "{".', 0)
        value, end = self._value(start, ())
        end = self._skip(end)
        if end < len(self.text):
            self.refuse.after(end)
        return value

    def _value(self, at: int, path: Path) -> tuple[Any, int]:
        self.read.values[path] = at
        char = self.text[at : at + 1]
        if char == '"':
            string, end = self._string(at)
            if message := self._unstorable(string):
                self._spoil(message, at, path)
            return string, end
        if char in ("{", "["):
            if len(self.refuse.open) >= MAX_DEPTH:
                stop(f"Objects and lists are nested too deeply; the limit is {MAX_DEPTH} levels.", at)
            self.refuse.open.append(at)
            value, end = self._object(at, path) if char == "{" else self._list(at, path)
            self.refuse.open.pop()
            return value, end
        if match := _NUMBER.match(self.text, at):
            word = WORD.match(self.text, at)
            if word and word.end() == match.end():
                return self._number(match, path), match.end()
        return self._constant(at, path)

    def _object(self, at: int, path: Path) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        at = self._skip(at + 1)
        if self.text[at : at + 1] == "}":
            return members, at + 1
        while True:
            start = at
            if self.text[at : at + 1] != '"':
                self.refuse.key(at)
            key, at = self._string(at)
            place = (*path, key)
            if message := self._unstorable(key):
                self._spoil(message, start, place)
            at = self._skip(at)
            if self.text[at : at + 1] != ":":
                self.refuse.colon(at, key)
            at = self._skip(at + 1)
            if key in members:
                first = line_of(self.text, self.read.keys[place])
                self._fault(
                    f'The key "{excerpt(key)}" appears twice, first in line {first}; remove one.',
                    start,
                    place,
                )
            self.read.keys[place] = start
            members[key], at = self._value(at, place)
            at = self._skip(at)
            if self.text[at : at + 1] == "}":
                return members, at + 1
            at = self._comma(at, "{")

    def _list(self, at: int, path: Path) -> tuple[list[Any], int]:
        items: list[Any] = []
        at = self._skip(at + 1)
        if self.text[at : at + 1] == "]":
            return items, at + 1
        while True:
            value, at = self._value(at, (*path, len(items)))
            items.append(value)
            at = self._skip(at)
            if self.text[at : at + 1] == "]":
                return items, at + 1
            at = self._comma(at, "[")

    def _comma(self, at: int, bracket: str) -> int:
        """Return where the next entry starts, past the comma at this place."""
        if self.text[at : at + 1] != ",":
            self.refuse.comma(at, bracket)
        after = self._skip(at + 1)
        closer = CLOSERS[bracket]
        if self.text[after : after + 1] == closer:
            stop(f'There is an extra comma before the closing "{closer}"; remove it.', at)
        return after

    def _string(self, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            self.refuse.string(at, error)
        return value, end

    def _unstorable(self, value: str) -> str:
        if not UNSTORABLE.search(value):
            return ""
        what = (
            "the character NUL (\\u0000)"
            if "\x00" in value
            else ("an unpaired surrogate (\\ud800 to \\udfff)")
        )
        return f"This text contains {what}, which can't be stored; remove it."

    def _number(self, match: re.Match[str], path: Path) -> int | float | None:
        whole, fraction, exponent = match.groups()
        if fraction or exponent or len(whole) > 300:
            number = float(match[0])
            if math.isfinite(number):
                return number if fraction or exponent else int(whole)
            self._spoil("This number is too large to store; write a smaller one.", match.start(), path)
            return None
        return int(whole)

    def _constant(self, at: int, path: Path) -> tuple[bool | None, int]:
        match = WORD.match(self.text, at)
        word = match[0] if match else self.text[at : at + 1]
        if word in _CONSTANTS:
            return _CONSTANTS[word], at + len(word)
        if word in _NOT_FINITE:
            self._spoil(f"{word} is not a valid number in JSON; write a finite one.", at, path)
            return None, at + len(word)
        return self.refuse.value(at)

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _spoil(self, message: str, offset: int, path: Path) -> None:
        self.read.spoiled.add(path)
        self._fault(message, offset, path)

    def _fault(self, message: str, offset: int, path: Path) -> None:
        self.read.faults.append(Fault(message, offset, path))
        if len(self.read.faults) >= MAX_FAULTS:
            stop("There are more errors than can be listed; fix these first.", offset)
