"""Keys: what has to come up in a conversation before an entry of a lore book is sent.

A key is plain text, or a regular expression where it stands between slashes. Regular expressions are run by
RE2, whose time is linear in the text and whose memory is bounded; what it does not know (looking ahead and
behind, references back) is never run. Sources: character-card-spec-v3; SillyTavern's documentation,
"World Info".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unicodedata import normalize

import re2

MOST_KEY_CHARACTERS = 2_000
"""Longer ones are no keys that anybody means."""

MOST_LINE_CHARACTERS = 100_000
"""Of one text with keys between commas."""

MOST_PATTERNS = 2_000
"""Regular expressions of one book that are run."""

_PATTERN_BYTES = 64 * 1024
"""What RE2 may use for one regular expression."""

_MOST_PATTERNS = 512

_SLASHED = re.compile(r"/(?P<source>(?:\\.|[^\\/])+)/(?P<flags>[dgimsuvy]*)", re.DOTALL)
_SPLIT = re.compile(r"\s*(/(?:\\.|[^\\/])+/[dgimsuvy]*(?=\s*(?:,|$))|[^,]+)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NOT_RUN = re.compile(r"\(\?<?[=!]|(?<!\\)\\(?:[1-9]|k<)")
_KNOWN_ESCAPES = frozenset("bBdDwWsSnrtvfxpP0123456789")
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of languages that put no blanks between words, or endings onto them: there are no whole words."""


@dataclass(frozen=True, slots=True)
class Key:
    """`as_written` is as the author wrote it; `text` is what is looked for, folded unless the case counts."""

    as_written: str
    text: str
    case_sensitive: bool = False
    whole_words: bool = False
    flags: str | None = None
    """Of a regular expression, whose source `text` is; None for plain text."""

    @property
    def is_pattern(self) -> bool:
        return self.flags is not None


def key(text: str, *, case_sensitive: bool, whole_words: bool) -> Key | None:
    """The key an author wrote; None for a blank one, and one that is too long."""
    text = text.strip()
    if not text or len(text) > MOST_KEY_CHARACTERS:
        return None
    if text[0] == "/" and (slashed := _SLASHED.fullmatch(text)):
        return Key(text, slashed["source"], flags=slashed["flags"])
    if text.isascii():
        return Key(text, text if case_sensitive else text.lower(), case_sensitive, whole_words)
    text = normalize("NFC", text)
    sought = text if case_sensitive else text.casefold()
    return Key(text, sought, case_sensitive, whole_words and not _UNSPACED.search(text))


def key_texts(value: Any) -> list[str]:
    """The keys of a list, or of one text in which commas stand between them."""
    if isinstance(value, str):
        return _SPLIT.findall(value[:MOST_LINE_CHARACTERS]) if "," in value else [value]
    if not isinstance(value, list):
        return []
    texts = [str(each) for each in value if isinstance(each, str | int | float)]
    # A list with one text in it is what tools make of a line of keys that they did not take apart.
    return key_texts(texts[0]) if len(texts) == 1 else texts


def fault(one: Key) -> str:
    """Why a regular expression cannot be run, as the end of a sentence; "" if it can, or is none."""
    if one.flags is None or compiled(one.text, one.flags) is not None:
        return ""
    if _NOT_RUN.search(one.text):
        return "uses lookahead, lookbehind or backreferences"
    return "is not valid or is too complex"


@lru_cache(maxsize=_MOST_PATTERNS)
def compiled(source: str, flags: str) -> Any:
    """A regular expression as RE2 takes it; None if it does not."""
    if _NOT_RUN.search(source):
        return None
    options = re2.Options()
    options.max_mem = _PATTERN_BYTES
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = "i" not in flags
    inline = "".join(flag for flag in "ms" if flag in flags)
    try:
        return re2.compile((f"(?{inline})" if inline else "") + _translated(source), options)
    except (re2.error, ValueError):
        return None


def _translated(source: str) -> str:
    """The source as RE2 spells it: JavaScript knows other escapes, and lets any letter be escaped."""
    source = source.replace("[^]", r"[\s\S]").replace(r"\p{Script=", r"\p{")
    return _ESCAPE.sub(_escape, source)


def _escape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return f"\\x{{{code}}}"
    sign = match[3]
    if (sign.isalnum() and sign not in _KNOWN_ESCAPES) or sign == "_" or not sign.isascii():
        return str(sign)
    return match[0]


def is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def words(text: str) -> set[str]:
    return set(_WORD.findall(text))


LOOKED_UP = 3
"""So many letters in a row are needed to look a key up by."""


def has_certain_letters(one: Key) -> bool:
    """Whether a key can be looked up by letters that every text has in which it comes up."""
    return not one.is_pattern or len(certain_letters(one.text)) >= LOOKED_UP


_PIECE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[upPkx][{<][^}>]*[}>]|.)|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)
_OPTIONAL = frozenset("?*{")


def certain_letters(source: str) -> str:
    """Letters in a row, in lower case, that whatever it matches must hold; "" if none are known."""
    if "|" in source:
        return ""
    best = run = ""
    depth = 0
    for piece in (*_PIECE.findall(source), ""):
        if piece[:1] in _OPTIONAL:
            run = run[:-1]
        if len(run) > len(best):
            best = run
        is_letter = len(piece) == 1 and piece.isascii() and piece.isalnum()
        run = run + piece if is_letter and depth == 0 else ""
        depth += {"(": 1, ")": -1}.get(piece, 0)
    return best.lower()
