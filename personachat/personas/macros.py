"""Macros: the {{placeholders}} in texts of a persona's author, replaced as text. Pure.

Nothing is evaluated, and inserted values are never expanded again. Macros may be nested a few levels deep.
Unknown ones stay as they are. The same text, values and salt always give the same result: chance comes from
the seeds. Time and size are bounded by the text. Sources: character-card-spec-v3, "Curly Braced Syntaxes";
SillyTavern's documentation, "Macros"; Open WebUI's prompt variables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

MOST_NESTED = 8
"""Levels of nested macros; macros further out stay as they are."""

MOST_DRAWS = 2_000
"""Macros of chance per text; further ones stay as they are."""

MOST_OWN_CHARACTERS = 200_000
"""Characters of variables' values per text; further variables stay as they are."""

MOST_DICE = 100
MOST_SIDES = 1_000_000

_INNERMOST = re.compile(r"\{\{([^{}]*)\}\}")
_FORM = re.compile(r"([a-z_]+)(?:[ \t]*(::|:)(.*)|[ \t]+(.*))?", re.DOTALL)
_DICE = re.compile(r"(?:(\d{0,9})d)?(\d{1,9})(?:([+-])(\d{1,9}))?", re.ASCII)
_MARK = re.compile("\0([0-9]+)\0")
_DRAW_BYTES = 6
_TRIM = "\0trim\0"
_NAMED = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Values:
    """The values of macros. `conversation` and `turn` are the seeds of chance."""

    char: str
    user: str = "User"
    date: str = ""
    time: str = ""
    weekday: str = ""
    idle: str = "just now"
    """How long the user was silent."""
    about_user: str = ""
    """What users say about themselves."""
    conversation: str = ""
    turn: str = ""
    own: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The values of the persona's own variables, by their names in lower case."""


def fill(text: str, values: Values, *, salt: str = "") -> str:
    """Replace every known macro. `salt` distinguishes texts that contain the same macros of chance."""
    if "{{" not in text:
        return text
    return _Filling(values, salt).fill(text)


def unknown(text: str) -> list[str]:
    """The names of macros that stay as they are, each once, in the order of the text."""
    filling = _Filling(Values(char=""), "")
    filling.fill(text)
    return list(dict.fromkeys(filter(_NAMED.match, filling.unknown)))


def is_known(inner: str) -> bool:
    """Whether the text between the braces is a macro that is replaced."""
    return _Filling(Values(char=""), "").value(inner) is not None


def draw(*seeds: str) -> float:
    """A number from 0 up to 1 that looks random and is always the same for the same seeds."""
    return next(_draws(1, *seeds))


def _draws(count: int, *seeds: str) -> Iterator[float]:
    source = hashlib.shake_256("\x1f".join(seeds).encode("utf-8", "surrogatepass"))
    digest = source.digest(count * _DRAW_BYTES)
    for at in range(0, len(digest), _DRAW_BYTES):
        yield int.from_bytes(digest[at : at + _DRAW_BYTES], "big") / (1 << 8 * _DRAW_BYTES)


def duration(span: timedelta) -> str:
    """A duration in words, e.g. "3 hours"."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return "a few seconds"
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
    return ""


_UNITS = ((31_536_000, "year"), (2_592_000, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"))


class _Filling:
    """One text in progress. Inserted values are hidden behind marks until the end."""

    def __init__(self, values: Values, salt: str) -> None:
        self._values = values
        self._salt = salt
        self._values_put_in: list[str] = []
        self._draw_count = 0
        self._own_characters = 0
        self.unknown: list[str] = []

    def fill(self, text: str) -> str:
        text = text.replace("\0", "\ufffd")
        for _ in range(MOST_NESTED):
            replaced = _INNERMOST.sub(self._replaced, text)
            if replaced == text:
                break
            text = replaced
        first, *rest = self._unmarked(text).split(_TRIM)
        if not rest:
            return first
        *middle, last = rest
        parts = [first.rstrip("\r\n"), *(part.strip("\r\n") for part in middle), last.lstrip("\r\n")]
        return "".join(parts)

    def value(self, inner: str) -> str | None:
        """The value of a macro; None if it is unknown."""
        inner = inner.strip()
        if inner.startswith("//"):
            return ""
        if (own := self._values.own.get(inner.lower())) is not None:
            self._own_characters += len(own)
            return own.replace("\0", "\ufffd") if self._own_characters <= MOST_OWN_CHARACTERS else None
        head, colon, _ = inner.partition(":")
        if not head.isascii():
            return None
        form = _FORM.fullmatch(head.lower() + colon + inner[len(head) + len(colon) :])
        if form is None:
            return None
        name, separator, argument, spaced = form.groups()
        if separator is None and spaced is None:
            plain = _PLAIN.get(name)
            return plain(self._values) if plain else None
        return self._with_arguments(name, separator, argument if separator else spaced)

    def _with_arguments(self, name: str, separator: str | None, argument: str) -> str | None:
        if name == "roll":
            return self._rolled(self._unmarked(argument))
        if separator is None:
            return None
        if name in {"comment", "hidden_key"}:
            return ""
        if name == "reverse":
            return self._unmarked(argument)[::-1]
        if name in {"random", "pick"}:
            return self._choice(_options(argument), changes=name == "random", source=argument)
        return None

    def _replaced(self, match: re.Match[str]) -> str:
        value = self.value(match[1])
        if value == _TRIM:
            return _TRIM
        if value is None:
            self.unknown.append(_name(self._unmarked(match[1])))
            value = self._unmarked(match[0])
        self._values_put_in.append(value)
        return f"\0{len(self._values_put_in) - 1}\0"

    def _unmarked(self, text: str) -> str:
        return _MARK.sub(lambda mark: self._values_put_in[int(mark[1])], text)

    def _choice(self, options: Sequence[str], *, changes: bool, source: str) -> str | None:
        if not any(options) or self._draw_count == MOST_DRAWS:
            return None
        (number,) = self._draw(source, changes=changes)
        return self._unmarked(options[int(number * len(options))])

    def _rolled(self, dice: str) -> str | None:
        match = _DICE.fullmatch(dice.replace(" ", "").lower())
        if match is None:
            return None
        count, sides = int(match[1] or 1), int(match[2])
        if not (1 <= count <= MOST_DICE and 1 <= sides <= MOST_SIDES) or self._draw_count == MOST_DRAWS:
            return None
        total = sum(1 + int(number * sides) for number in self._draw(dice, count, changes=True))
        plus = int(match[4] or 0)
        return str(total - plus if match[3] == "-" else total + plus)

    def _draw(self, source: str, count: int = 1, *, changes: bool) -> Iterator[float]:
        self._draw_count += 1
        values = self._values
        turn = f"turn {values.turn}" if changes else "always"
        return _draws(
            count, values.conversation, turn, self._salt, str(self._draw_count), self._unmarked(source)
        )


def _options(argument: str) -> list[str]:
    """The choices of a list, separated by double colons, or else by commas without a backslash."""
    if "::" in argument:
        return argument.split("::")
    return [option.strip().replace("\\,", ",") for option in re.split(r"(?<!\\),", argument)]


def _name(inner: str) -> str:
    return re.split(r"[:\s]", inner.strip(), maxsplit=1)[0]


_PLAIN: Mapping[str, Callable[[Values], str]] = MappingProxyType(
    {
        "char": lambda values: values.char,
        "user": lambda values: values.user,
        "user_name": lambda values: values.user,
        "date": lambda values: values.date,
        "isodate": lambda values: values.date,
        "current_date": lambda values: values.date,
        "time": lambda values: values.time,
        "isotime": lambda values: values.time,
        "current_time": lambda values: values.time,
        "weekday": lambda values: values.weekday,
        "current_weekday": lambda values: values.weekday,
        "current_datetime": lambda values: f"{values.date} {values.time}".strip(),
        "idle_duration": lambda values: values.idle,
        "persona": lambda values: values.about_user,
        "original": lambda _: "",  # there is no prompt of ours that an author's could surround
        "newline": lambda _: "\n",
        "noop": lambda _: "",
        "trim": lambda _: _TRIM,
    }
)


def hidden_keys(text: str) -> Iterator[str]:
    """The content of {{hidden_key: }}: never sent, but searched for keys when lore activates lore."""
    for match in _INNERMOST.finditer(text):
        name, colon, rest = match[1].strip().partition(":")
        if colon and name.strip().lower() == "hidden_key":
            yield rest.lstrip(":").strip()
