"""A search query, and where it matches in a text; pure, and the same for every database.

A word is a run of letters, digits and marks, compared without case and accents, as in the full-text indexes.
Emoji, and scripts without spaces, are searched as parts of the text. Any input is a query: other characters
are ignored, and only the double quote is an operator.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from personachat.messages import storable

MOST_CHARACTERS = 500
MOST_TERMS = 16
SHORTEST_PREFIX = 2
"""A single letter begins too many words to be useful."""

EXCERPT_CHARACTERS = 160
_BEFORE_MATCH = 50
_MOST_SEARCHED = 1_000_000
"""Characters of a text that are searched for a match."""

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"  # Japanese, Chinese
    "\U00020000-\U0003ffff"
)
"""Scripts that put no space between words: there a word is searched as a part of the text."""

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u0900-\u0903\u093a-\u094f\u0951-\u0957"
    "\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a4d\u0a81-\u0acd\u0b01-\u0b57\u0b82-\u0bcd\u0c00-\u0c56"
    "\u0c81-\u0cd6\u0d00-\u0d57\u0d82-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ecd\u0f71-\u0f84"
    "\u102b-\u103e\u17b4-\u17d3\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
"""Marks that belong to the word they are in: accents and vowel signs, which Python doesn't count as letters.
"""

SPELLINGS = {
    "ss": "ßẞ",
    "ae": "æÆ",
    "oe": "œŒ",
    "th": "þÞ",
    "l": "łŁ",
    "o": "øØ",
    "d": "đĐðÐ",
    "h": "ħĦ",
    "t": "ŧŦ",
}
"""What people type for letters that are more than a letter and an accent; as in migration 0005."""

_SPELLED_OUT = str.maketrans({letter: plain for plain, letters in SPELLINGS.items() for letter in letters})

_HALF_WIDTH = str.maketrans(
    {unicodedata.normalize("NFKC", chr(half)): chr(half) for half in range(0xFF66, 0xFFA0)}
    | {"\u3099": "\uff9e", "\u309a": "\uff9f"}
)
"""Half-width katakana as they are typed; a sound mark is a character of its own there."""

_EMOJI = (
    "\u203c\u2049\u2139\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3297\u3299"
    "\U0001f000-\U0001faff"
)
_JOINS_EMOJI = "\u200d\ufe0f\u20e3"
_VARIATION = "\ufe0f"

_WORD = re.compile(f"(?:[^\\W_]|[{_MARKS}])+")
_PARTS = re.compile(f"[{_SPACELESS}]+|[{_EMOJI}][{_EMOJI}{_JOINS_EMOJI}]*")
_KATAKANA = re.compile("[\u30a0-\u30ff]")
_QUOTED = re.compile(r'"([^"]*)"|([^\s"]+)')
_ACCENTS = re.compile("[\u0300-\u036f]")
_WHITE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Term:
    """Consecutive words; with `prefix`, the last one is only the start of a word."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What a text must contain: all `terms`, and all `parts` anywhere, even inside words."""

    terms: tuple[Term, ...] = ()
    parts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.parts)


def parse_query(query: str) -> SearchQuery:
    """The conditions of a query; none if it contains no word."""
    terms: list[Term] = []
    parts: list[str] = []
    phrases = list(_QUOTED.finditer(storable(query[:MOST_CHARACTERS])))
    for place, match in enumerate(phrases):
        text = unicodedata.normalize("NFKC", match[1] if match[1] is not None else match[2])
        last = place == len(phrases) - 1 and match[1] is None
        if found_parts := [part.strip(_JOINS_EMOJI) for part in _PARTS.findall(text)]:
            parts.extend(found_parts)
            text = _PARTS.sub(" ", text)
            last = False
        if words := tuple(match[0] for match in _WORD.finditer(text)):
            terms.append(Term(words, prefix=last and len(words[-1]) >= SHORTEST_PREFIX))
    return SearchQuery(tuple(dict.fromkeys(terms))[:MOST_TERMS], tuple(dict.fromkeys(parts))[:MOST_TERMS])


def excerpt(text: str, sought: SearchQuery) -> tuple[str, tuple[tuple[int, int], ...]]:
    """About 160 characters around the first match, on one line, and the matching ranges in it.

    Without a match (the index may see a word where this doesn't) it is the start of the text.
    """
    places = matches(text[:_MOST_SEARCHED], sought)
    first = next(places, None)
    start = 0 if first is None or len(text) <= EXCERPT_CHARACTERS else max(0, first[0] - _BEFORE_MATCH)
    start = _word_start(text, start, first[0]) if first and start else start
    end = min(len(text), start + EXCERPT_CHARACTERS)
    marks: list[tuple[int, int]] = []
    before = "…" if start else ""
    while first is not None and first[0] < end:
        marks.append((first[0] - start + len(before), min(first[1], end) - start + len(before)))
        first = next(places, None)
    after = "…" if end < len(text) else ""
    return before + _WHITE.sub(" ", text[start:end]) + after, tuple(marks)


def matches(text: str, sought: SearchQuery) -> Iterator[tuple[int, int]]:
    """The ranges of a text that match, in order and without overlaps."""
    end = 0
    for start, stop in _in_order(_word_spans(text, sought.terms), _part_spans(text, sought.parts)):
        if start >= end:
            yield start, stop
            end = stop


def _word_spans(text: str, terms: tuple[Term, ...]) -> Iterator[tuple[int, int]]:
    sought = [([folded(word) for word in term.words], term.prefix) for term in terms]
    longest = max((len(words) for words, _ in sought), default=0)
    window: list[tuple[str, int, int]] = []
    ahead = _WORD.finditer(text) if longest else iter(())
    while True:
        while len(window) < longest and (match := next(ahead, None)):
            window.append((folded(match[0]), match.start(), match.end()))
        if not window:
            return
        lengths = [len(words) for words, prefix in sought if _stands(window, words, prefix=prefix)]
        if lengths:
            yield window[0][1], window[max(lengths) - 1][2]
        window.pop(0)


def _stands(window: list[tuple[str, int, int]], words: list[str], *, prefix: bool) -> bool:
    if len(window) < len(words):
        return False
    last = window[len(words) - 1][0]
    same_end = last.startswith(words[-1]) if prefix else last == words[-1]
    return same_end and all(window[place][0] == word for place, word in enumerate(words[:-1]))


def spellings(part: str) -> tuple[str, ...]:
    """The forms of a part in a text: emoji with and without variation marks, katakana in both widths."""
    ways = [part, part.replace(_VARIATION, "")]
    if _KATAKANA.search(part):
        ways.append(unicodedata.normalize("NFD", part).translate(_HALF_WIDTH))
    return tuple(dict.fromkeys(ways))


def _part_spans(text: str, parts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    if parts:
        longest_first = sorted((way for part in parts for way in spellings(part)), key=len, reverse=True)
        for match in re.finditer("|".join(re.escape(part) for part in longest_first), text):
            yield match.span()


def _in_order(
    first: Iterator[tuple[int, int]], second: Iterator[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    one, other = next(first, None), next(second, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one <= other):
            assert one is not None
            yield one
            one = next(first, None)
        else:
            yield other
            other = next(second, None)


@lru_cache(maxsize=4096)
def folded(word: str) -> str:
    """A word without case and accents, each letter in its plain spelling."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", spelled_out(word).lower())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain))


def spelled_out(word: str) -> str:
    """A word with its special letters spelled as the full-text indexes spell them."""
    return word.translate(_SPELLED_OUT)


def _word_start(text: str, start: int, match: int) -> int:
    white = _WHITE.search(text, start, match)
    return white.end() if white else start
