"""Words out of conversations in the midst of a page's own: shown as they are, whatever they hold.

Streamlit's Markdown makes links of bare addresses, and signs of what looks like one, after escapes have been
read. So an invisible character stands where such a thing would be recognised: nothing is drawn that can be
clicked or fetched, and nothing looks other than it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from personachat.ui.wording import escaped

JOINER = "\u2060"
"""Word joiner: takes no room and forbids a line break, nothing else."""

RECOGNISED = re.compile(
    r"""
      (?<=http:)(?=//) | (?<=https:)(?=//)        # an address
    | (?<=www)(?=\.)
    | (?<=[-.\w+])(?=@[-\w]+\.)                   # one for mail
    | (?<=:)(?=[+\w][-+\w]*(?:/\w+)?:)            # an icon's name
    | (?<=[-<>~])(?=[-=>](?:\s|$))                # an arrow, a dash, a sign of comparison
    | (?<=<-)(?=>)
    """,
    re.VERBOSE | re.IGNORECASE,
)

BLOCK = re.compile(r"\d{1,9}(?=[.)])|(?=[-=])")
"""What would begin a list or a heading; other beginnings are escaped anywhere."""


def as_text(words: str) -> str:
    """Plain words as Markdown on one line that shows just them."""
    line = " ".join(words.split())
    return _inline(line, begins=True)


def marked(excerpt: str, marks: Sequence[tuple[int, int]]) -> str:
    """An excerpt as Markdown, with these character ranges bold and on a coloured ground."""
    parts: list[str] = []
    at = 0
    for start, end in marks:
        parts.append(_inline(excerpt[at:start], begins=not parts))
        parts.append(_mark(excerpt[start:end]))
        at = end
    parts.append(_inline(excerpt[at:], begins=not parts))
    return "".join(parts).strip()


def _mark(words: str) -> str:
    inner = words.strip()
    if not inner:
        return words
    return f":orange-background[**{_inline(inner)}**]"


def _inline(words: str, *, begins: bool = False) -> str:
    line = re.sub(r"\s", " ", words)
    block = BLOCK.match(line.lstrip()) if begins else None
    safe = escaped(RECOGNISED.sub(JOINER, line)).replace("&", "\\&")
    return f"{JOINER}{safe.lstrip()}" if block else safe
