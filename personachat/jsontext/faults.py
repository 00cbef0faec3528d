"""Says why a text is not JSON: one sentence with the cause and the fix, and the exact place."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from json import JSONDecodeError

Path = tuple[str | int, ...]

WORD = re.compile(r"[\w$.+-]+")
CLOSERS = {"{": "}", "[": "]"}

_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x1f]")
_LIKE_CONSTANTS = {"True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null"}
_OTHER_QUOTES = "'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at an offset of the text; `path` leads to the value concerned."""

    message: str
    offset: int
    path: Path = ()


class BrokenText(Exception):
    """Ends the reading of a text."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def stop(message: str, offset: int) -> NoReturn:
    raise BrokenText(Fault(message, offset))


def places(text: str, offsets: list[int]) -> list[tuple[int, int]]:
    """Return line and column of each offset, both 1-based; columns count code points."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    lines = [bisect_right(starts, offset) for offset in offsets]
    return [(line, offset - starts[line - 1] + 1) for line, offset in zip(lines, offsets, strict=True)]


def line_of(text: str, offset: int) -> int:
    return places(text, [offset])[0][0]


def excerpt(text: object, *, most: int = 40) -> str:
    """Return a piece of somebody's text, short and printable, for use inside a sentence."""
    piece = str(text)
    piece = piece if len(piece) <= most else piece[: most - 1] + "…"
    return "".join(char if char.isprintable() else "�" for char in piece)


class FaultFinder:
    """Sentences on one text; every method ends the reading. `open` holds the offsets of unclosed brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: list[int] = []

    def value(self, at: int) -> NoReturn:
        self._common(at)
        match = WORD.match(self.text, at)
        word = match[0] if match else self.text[at]
        if word in _LIKE_CONSTANTS:
            stop(f"JSON uses {_LIKE_CONSTANTS[word]} instead of {word}.", at)
        if word in ",:}]":
            stop(f'A value is missing before "{word}"; add one.', at)
        if re.match(r"[-+.0-9]", word):
            stop(f'"{excerpt(word)}" is not a number in JSON; write it like 7, 0.7 or -1.5.', at)
        if not word[0].isalnum():
            advice = "write a text in double quotes, a number, true or false"
            stop(f'"{excerpt(word)}" is not allowed here; {advice}.', at)
        stop(f'"{excerpt(word)}" needs double quotes if it is text: "{excerpt(word)}".', at)

    def key(self, at: int) -> NoReturn:
        self._common(at)
        word = self._word(at)
        if re.search(r"[0-9],\Z", self.text[at - 2 : at]) and word[0].isdecimal():
            stop(f"Numbers use a decimal point, not a comma; write a point before the {word}.", at - 1)
        if word in (",", "]", ":"):
            stop((f'A key is missing before "{word}"; add one in double quotes or remove the "{word}".'), at)
        stop(f'Keys need double quotes: write "{word}" with " before and after it.', at)

    def colon(self, at: int, key: str) -> NoReturn:
        self._end(at)
        stop(f'A colon is missing after the key "{excerpt(key)}"; write "{excerpt(key)}": and its value.', at)

    def comma(self, at: int, bracket: str) -> NoReturn:
        """Refuse what follows a value inside of a bracket."""
        self._end(at)
        self._comment(at)
        char, closer = self.text[at], CLOSERS[bracket]
        if char in ("}", "]"):
            line = line_of(self.text, self.open[-1])
            stop((f'"{char}" does not close the "{bracket}" from line {line}; write "{closer}" first.'), at)
        before = len(self.text[:at].rstrip(" \t\n\r"))
        if at > before or char in ('"', "{", "["):
            stop(f'A comma or the closing "{closer}" is missing after this value; add it here.', before)
        advice = ' Write a quote inside a text as \\".' if self.text[before - 1] == '"' else ""
        stop(
            (f'"{self._word(at)}" is not allowed here; a comma or "{closer}" must follow the value.{advice}'),
            at,
        )

    def after(self, at: int) -> NoReturn:
        self._comment(at)
        stop(f'Nothing may follow the end of the persona; remove "{self._word(at)}".', at)

    def string(self, at: int, error: JSONDecodeError) -> NoReturn:
        """Refuse the text whose opening quote is at `at`, for what Python's scanner found."""
        if error.msg.startswith("Invalid \\u"):
            stop("After \\u, four hexadecimal digits must follow, as in \\u00e9.", error.pos)
        if error.msg.startswith("Invalid \\"):
            backslash = self.text.rfind("\\", at, error.pos + 1)
            stop("This backslash doesn't start a valid escape; write \\\\ for a backslash.", backslash)
        if error.msg.startswith("Invalid control") and (control := _CONTROL.search(self.text, at)):
            char = control[0]
            if char in "\r\n":
                advice = 'close it with ", or write \\n for a line break'
                stop(f"This line ends inside a text: {advice}.", control.start())
            advice = "\\t" if char == "\t" else f"\\u{ord(char):04x} or remove it"
            stop(f"Control characters are not allowed in a text; write {advice}.", control.start())
        stop('This text is never closed; add " at its end.', at)

    def _common(self, at: int) -> None:
        self._end(at)
        self._comment(at)
        if self.text[at] in _OTHER_QUOTES:
            stop(f'Use straight double quotes (") instead of {self.text[at]}.', at)

    def _end(self, at: int) -> None:
        if at < len(self.text):
            return
        bracket, line = self.text[self.open[-1]], line_of(self.text, self.open[-1])
        stop(f'The "{bracket}" from line {line} is never closed; add "{CLOSERS[bracket]}".', at)

    def _comment(self, at: int) -> None:
        if self.text.startswith(("//", "/*", "#"), at):
            stop("JSON doesn't allow comments; remove this one.", at)

    def _word(self, at: int) -> str:
        match = WORD.match(self.text, at)
        return excerpt(match[0] if match else self.text[at])
