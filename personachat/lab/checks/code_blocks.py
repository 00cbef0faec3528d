"""Code in a reply, which has no language and contains no questions."""

from __future__ import annotations

import re

_FENCED = re.compile(
    r"^[ \t>]*+(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t>]*+\1[ \t]*+$|\Z)", re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"`[^`\n]+`")


def without_code(text: str) -> str:
    """The text with blanks in place of code, so that positions stay the same."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    return _INLINE.sub(blank, _FENCED.sub(blank, text))
