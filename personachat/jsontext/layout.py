"""How a JSON text is written: its indent, its line ends, one line or many, escapes or letters. Pure.

Made for texts that are JSON; of others it says something, and raises nothing.

How a persona's text looks once it comes out of something else than a file of its own. Pure.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BLANKS = " \t\n\r"


def laid_out(text: str) -> str:
    """A valid JSON text as it is, or indented where it is all in one line."""
    if "\n" in text.strip(_BLANKS):
        return text
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def dedented(text: str) -> str:
    """Without the indentation that its place in a list gave it: in JSON no line starts inside a text."""
    first, *rest = text.split("\n")
    last = rest[-1] if rest else ""
    margin = last[: len(last) - len(last.lstrip(" \t"))]
    if not margin or not all(line.startswith(margin) or not line.strip() for line in rest):
        return text
    return "\n".join((first, *(line.removeprefix(margin) for line in rest))) + "\n"


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
"""A string or a bracket."""

_SPACE = re.compile(r"[ \t\n\r]*")
_INDENT = re.compile(r"\n([ \t]+)\S")
_LETTER_ESCAPE = re.compile(r"\\u(?!00[01])[0-9a-fA-F]{4}")
_LINE_LIST = re.compile(r"\[(?=[ \t\r]*[^\s\]])[^\[\]\n]*\]")
_COLUMN_LIST = re.compile(r"\[[ \t\r]*\n")


def skip(text: str, at: int) -> int:
    """Where the white space that starts here ends."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


class Layout:
    """How a text is written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bones = TOKEN.sub(lambda token: '""' if token[0][0] == '"' else token[0], text.strip())
        self._ascii = text.isascii() and bool(_LETTER_ESCAPE.search(text))
        self._has_lines = "\n" in self._bones
        self.is_compact = ":" in self._bones and not re.search(r"\s", self._bones)

    def rendered(self, value: Any, *, at: int, like: str) -> str:
        """The JSON of a value that is to stand at an offset, in the place of `like`."""
        if not value or not isinstance(value, dict | list) or not self._in_lines(value, like):
            comma, colon = (",", ":") if self.is_compact else (", ", ": ")
            return self._dumped(value, None, (comma, colon))
        unit = _INDENT.search(self._text)
        colon = ":" if ":" in self._bones and ": " not in self._bones else ": "
        line_start = max(self._text.rfind("\n", 0, at), self._text.rfind("\r", 0, at)) + 1
        indent = self._text[line_start : skip(self._text, line_start)] if line_start <= at else ""
        line_end = "\r\n" if "\r\n" in self._text else "\n"
        dumped = self._dumped(value, unit[1] if unit else "  ", (",", colon))
        return dumped.replace("\n", line_end + indent)

    def _dumped(self, value: Any, indent: str | None, separators: tuple[str, str]) -> str:
        return json.dumps(
            value, indent=indent, separators=separators, ensure_ascii=self._ascii, allow_nan=False
        )

    def _in_lines(self, value: Any, like: str) -> bool:
        """Whether an object or a list goes over lines of its own."""
        if len(like) > 1 and like[1:-1].strip() and like[0] == ("{" if isinstance(value, dict) else "["):
            return "\n" in like
        lists_on_a_line = _LINE_LIST.search(self._bones) and not _COLUMN_LIST.search(self._bones)
        return self._has_lines and not (isinstance(value, list) and lists_on_a_line)
