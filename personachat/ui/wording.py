"""Text as the pages show it: plain text that Markdown leaves alone, and numbers as people say them.

Text that isn't the page's own (a name, a title, text of a model or a provider, a file's name, what was typed)
goes through `escaped` before Streamlit gets it for a label, a text or a tooltip, because all of these are
Markdown. After reading escapes, Streamlit still makes links of bare addresses and icons of what looks like
one. So an invisible character breaks up such text: nothing is drawn that can be clicked or fetched, and the
text looks as it was written. A change of writing direction within such text ends with it, so the page's text
around it reads as usual.

Excerpts of conversations within a page's own text are shown as they are, whatever they contain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from personachat.errors import PersonaChatError

JOINER = "\u2060"
"""Word joiner: has no width and forbids a line break, nothing else."""

_RECOGNISED = re.compile(
    r"""
      (?<=http:)(?=//) | (?<=https:)(?=//)        # an address
    | (?<=www)(?=\.)
    | (?<=[-.\w+])(?=@[-\w]+\.)                   # one for mail
    | (?<=:)(?=[-+\w]+(?:/\w+)?:)                 # an emoji's or icon's name
    | (?<=[-<>~])(?=[-=>](?:\s|$))                # an arrow, a dash, a sign of comparison
    | (?<=<-)(?=>)
    """,
    re.VERBOSE | re.IGNORECASE,
)

_ADDRESS = re.compile(r"https?://[^\s`]*[\w/]", re.IGNORECASE)
"""Text that someone may have to type elsewhere: as code it is no link and contains nothing invisible."""

_BLOCK = re.compile(r"\d{1,9}(?=[.)])|(?=[-=])")
"""Characters that begin a list or a heading; others are escaped everywhere."""

_DIRECTION_ENDS = {
    **dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c"),
    **dict.fromkeys("\u2066\u2067\u2068", "\u2069"),
}
"""The invisible character of Unicode that ends each change of direction."""

_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in r"\`*_{}[]<>()#+!|$:~&"})


def error_text(error: PersonaChatError) -> str:
    """An error's message and hint as Markdown that shows exactly that; addresses can be copied."""
    words = " ".join(f"{error} {error.hint}".split())
    parts, at = [], 0
    for address in _ADDRESS.finditer(words):
        parts += [inline(words[at : address.start()], begins=at == 0), f"`{address[0]}`"]
        at = address.end()
    return "".join([*parts, inline(words[at:], begins=at == 0)])


def short(number: float) -> str:
    """A number as people say it: 84, 1.2k, 3.4M."""
    for limit, suffix in ((1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.1f}{suffix}"
    return f"{number:.0f}"


def counted(number: int, noun: str) -> str:
    """E.g. "1 message", "1,200 messages"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def money(dollars: float) -> str:
    """A price as short as is meaningful: $0, $0.0003, $0.012, $0.10, $1.20."""
    if dollars <= 0:
        return "$0"
    if dollars < 0.0001:
        return "<$0.0001"
    digits = 4 if dollars < 0.01 else 3 if dollars < 0.1 else 2
    return f"${dollars:.{digits}f}"


def escaped(words: Iterable[str]) -> str:
    """Plain text, as one or several pieces, as Markdown on one line that shows exactly that."""
    return inline(" ".join("".join(words).split()), begins=True)


def inline(words: str, *, begins: bool = False) -> str:
    """Like `escaped`, but keeps spaces; `begins`: nothing else is before it on the line."""
    line = _ended(re.sub(r"\s", " ", words))
    block = _BLOCK.match(line.lstrip()) if begins else None
    safe = _RECOGNISED.sub(JOINER, line).translate(_SIGNS)
    return f"{JOINER}{safe.lstrip()}" if block else safe


def unmarked(words: str) -> str:
    """Text on one line without direction marks, for use beside the page's own text."""
    return " ".join(_DIRECTIONS.sub("", words).split())


def _ended(line: str) -> str:
    """The line, with every change of direction that it begins ended."""
    if not _DIRECTIONS.search(line):
        return line
    ends: list[str] = []
    for sign in line:
        if sign in _DIRECTION_ENDS:
            ends.append(_DIRECTION_ENDS[sign])
        elif sign == "\u2069" and sign in ends:  # also ends what began within it
            del ends[len(ends) - 1 - ends[::-1].index(sign) :]
        elif ends and sign == ends[-1]:
            ends.pop()
    return line + "".join(reversed(ends))


def heard(name: str) -> str:
    """The label of a button that shows only its icon: page.css hides it, but a screen reader reads it."""
    return f":small[{name}]"


__all__ = ["JOINER", "as_text", "marked"]

as_text = escaped


def distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The names; a name that appeared before gets a number.

    A selection field tells its options apart only by their labels.
    """
    other_names: set[str] = set()
    apart: dict[str, str] = {}
    for key, name in names.items():
        number, free = 1, name
        while free in other_names:
            number += 1
            free = f"{name} ({number})"
        other_names.add(free)
        apart[key] = free
    return apart


def marked(excerpt: str, marks: Sequence[tuple[int, int]]) -> str:
    """An excerpt as Markdown, with these character ranges bold and highlighted."""
    parts: list[str] = []
    at = 0
    for start, end in marks:
        parts.append(inline(excerpt[at:start], begins=not parts))
        parts.append(_mark(excerpt[start:end]))
        at = end
    parts.append(inline(excerpt[at:], begins=not parts))
    return "".join(parts).strip()


def _mark(words: str) -> str:
    inner = words.strip()
    if not inner:
        return words
    return f":orange-background[**{inline(inner)}**]"
