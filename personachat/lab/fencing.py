"""Texts that a judge reads as data: text of a model or a person, without anything like a fence.

The fences themselves contain a mark that nobody can guess, so no text can close one. This module is about
text that a judge could mistake for a fence: other signs for "<", invisible characters, letters of other
scripts.
"""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 60_000
"""Characters of a text that a judge gets."""

FENCES = ("reply", "said", "good", "first", "second")

_LESS_THAN = re.compile(
    r"[<\uff1c\ufe64\u02c2\u227a\u1438\u276e\u2329\u3008\u27e8]|<\u0338|\u226e"
    r"|&lt;?|&\#0*60;?|&\#x0*3c;?|\\u003c|\\x3c|%3c",
    re.IGNORECASE,
)
_SEEN = 60
"""Characters after a sign that decide whether it begins a fence."""

_LIKE = {
    ord(sign): letter
    for letter, signs in {
        "a": "\u0430\u03b1\u0251",
        "c": "\u0441\u03f2",
        "d": "\u0501",
        "e": "\u0435\u03b5",
        "f": "\u0584",
        "g": "\u0261\u0581",
        "i": "\u0456\u03b9\u0131",
        "l": "\u04cf",
        "n": "\u0578",
        "o": "\u043e\u03bf\u0585",
        "p": "\u0440\u03c1",
        "r": "\u0433\u1d26",
        "s": "\u0455",
        "t": "\u03c4",
        "y": "\u0443\u03b3\u04af",
    }.items()
    for sign in signs
}
"""Small letters of other scripts, after folding, for the Latin ones they look like."""


def harmless(text: str) -> str:
    """The text, at most as long as a judge gets it, without anything that could pass for a fence."""
    text = text[:MOST_CHARACTERS]

    def replaced(match: re.Match[str]) -> str:
        after = text[match.end() : match.end() + _SEEN]
        return "\u2039" if _begins_fence(after) else match[0]

    return _LESS_THAN.sub(replaced, text)


def _begins_fence(after: str) -> bool:
    letters = ""
    for each in unicodedata.normalize("NFKD", after).casefold().translate(_LIKE):
        if each.isalpha():
            letters += each
            if len(letters) >= 6:
                break
        elif (letters and not unicodedata.category(each).startswith(("M", "C"))) or each in "<>":
            break
    return letters.startswith(FENCES)
