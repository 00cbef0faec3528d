"""Texts in a reply: contained, missing, at its start or end, or matched by a regular expression.

Texts are compared as a reader sees them: without regard to case, composition of accents, vowel signs of
Arabic and Hebrew, kinds of quotes and white space. RE2 runs regular expressions, in linear time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from unicodedata import combining, normalize

from personachat.lab.checks.model import CheckedReply, Finding, Spans
from personachat.lab.suites.model import compiled_pattern

_LIKE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
    | dict.fromkeys("\u00a0\u202f", " ")
)
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe0e\ufe0f\ufeff"  # joiners, directions
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c7\u0640\u064b-\u0652\u0670]"  # vowel signs, which few texts have
)
_QUOTING = "*_`\"'「」『』"
_HALF_VOICED = "\uff9e\uff9f"
MOST_MARKS = 30
"""Marks on one character; reading takes time with the square of their number."""

MOST_PATTERN_CHARACTERS = 200_000
"""Characters of a reply that a regular expression is run on."""


class Folded:
    """A text in the form that is compared, with the original position of each character."""

    def __init__(self, text: str) -> None:
        characters: list[str] = []
        self._at: list[int] = []
        blank = True
        for at, end in _clusters(text):
            for each in _folded(text[at:end]):
                if each.isspace():
                    if not blank:
                        characters.append(" ")
                        self._at.append(at)
                    blank = True
                else:
                    characters.append(each)
                    self._at.append(at)
                    blank = False
        self.text = "".join(characters)
        self._at.append(len(text))

    def find(self, sought: str) -> Spans:
        """Its places, without overlaps."""
        expected, spans, at = folded(sought), [], 0
        while expected and (at := self.text.find(expected, at)) >= 0:
            spans.append(self.span(at, at + len(expected)))
            at += len(expected)
        return tuple(spans)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original position of a part of the folded text."""
        last = self._at[end - 1] if end > start else self._at[start]
        after = bisect_right(self._at, last)
        return self._at[start], self._at[after] if after < len(self._at) else self._at[-1]


def _folded(cluster: str) -> str:
    if cluster.isascii():
        return cluster.casefold()
    visible = _INVISIBLE.sub("", normalize("NFKC", cluster)).translate(_LIKE)
    return visible.casefold().replace("i\u0307", "i")


def _clusters(text: str) -> list[tuple[int, int]]:
    """Each character with the marks after it that belong to it."""
    if text.isascii():
        return [(at, at + 1) for at in range(len(text))]
    starts: list[int] = []
    for at, each in enumerate(text):
        if not starts or not _combines(each) or at - starts[-1] > MOST_MARKS:
            starts.append(at)
    return list(zip(starts, [*starts[1:], len(text)], strict=True)) if starts else []


def _combines(character: str) -> bool:
    """Accents, vowel signs, and the later parts of Korean syllables."""
    return bool(combining(character)) or "\u1160" <= character <= "\u11ff" or character in _HALF_VOICED


def folded(text: str) -> str:
    """A text in the form that is compared."""
    return Folded(text).text.strip()


def contains(reply: CheckedReply, expected: str | tuple[str, ...]) -> Finding:
    looked = Folded(reply.text)
    spans = {each: looked.find(each) for each in _as_tuple(expected)}
    missing = [each for each, places in spans.items() if not places]
    if missing:
        return Finding.of(False, f"Missing: {quoted(missing)}.", _all(spans))
    return Finding.of(True, f"Contains {quoted(list(spans))}.", _all(spans))


def not_contains(reply: CheckedReply, expected: str | tuple[str, ...]) -> Finding:
    looked = Folded(reply.text)
    spans = {each: places for each in _as_tuple(expected) if (places := looked.find(each))}
    if spans:
        return Finding.of(False, f"Contains {quoted(list(spans))}.", _all(spans))
    return Finding.of(True, f"Doesn't contain {quoted(list(_as_tuple(expected)))}.")


def begins(reply: CheckedReply, expected: str | tuple[str, ...]) -> Finding:
    looked = Folded(reply.text)
    text = looked.text.lstrip(_QUOTING + " ")
    skipped = len(looked.text) - len(text)
    for each in _as_tuple(expected):
        sought = folded(each)
        if text.startswith(sought) or looked.text.startswith(sought):
            at = skipped if text.startswith(sought) else 0
            return Finding.of(True, f"Begins with {quoted([each])}.", (looked.span(at, at + len(sought)),))
    return Finding.of(False, f"Begins with {quoted([reply.text.strip()[:40]])}.")


def ends(reply: CheckedReply, expected: str | tuple[str, ...]) -> Finding:
    looked = Folded(reply.text)
    whole = looked.text.rstrip()
    text = whole.rstrip(_QUOTING + " ")
    for each in _as_tuple(expected):
        sought = folded(each)
        for candidate in (whole, text):
            if candidate.endswith(sought):
                span = looked.span(len(candidate) - len(sought), len(candidate))
                return Finding.of(True, f"Ends with {quoted([each])}.", (span,))
    return Finding.of(False, f"Ends with {quoted([reply.text.strip()[-40:]])}.")


def matches(reply: CheckedReply, expected: str) -> Finding:
    spans = _matched(reply.text, expected)
    sentence = (
        f"{quoted([expected])} matches {quoted([_cut(reply.text, spans[0])])}."
        if spans
        else "Nothing matches."
    )
    return Finding.of(bool(spans), sentence, spans)


def not_matches(reply: CheckedReply, expected: str) -> Finding:
    spans = _matched(reply.text, expected)
    sentence = (
        f"{quoted([expected])} matches {quoted([_cut(reply.text, spans[0])])}."
        if spans
        else "Nothing matches."
    )
    return Finding.of(not spans, sentence, spans)


def _matched(text: str, pattern: str) -> Spans:
    hits = compiled_pattern(pattern).finditer(text[:MOST_PATTERN_CHARACTERS])
    return tuple(match.span() for match in hits)


def _cut(text: str, span: tuple[int, int]) -> str:
    return text[span[0] : span[1]]


def _as_tuple(expected: str | tuple[str, ...]) -> tuple[str, ...]:
    return (expected,) if isinstance(expected, str) else tuple(expected)


def _all(spans: dict[str, Spans]) -> Spans:
    return tuple(sorted(span for places in spans.values() for span in places))


def quoted(texts: list[str]) -> str:
    """Texts in a sentence; long ones are cut."""
    excerpts = [f'"{each if len(each) <= 60 else each[:59] + "…"}"' for each in texts[:5]]
    more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
    return ", ".join(excerpts) + more
