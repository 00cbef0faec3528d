"""Finds the keys of a book in texts: all of them at once, in time that is bounded whatever they hold.

Plain keys are looked up by three of their letters, so that only keys are compared that a text may hold at
all. Work is counted, not timed: what is beyond the limit counts as not found, each time alike.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from unicodedata import normalize

from personachat.personas.lorebook.keys import (
    LOOKED_UP,
    MOST_PATTERNS,
    Key,
    certain_letters,
    compiled,
    has_certain_letters,
    is_word,
    words,
)

MOST_SCANNED_CHARACTERS = 200_000
"""Of all the texts that are looked through for one reply, from the end."""

MOST_PLAIN_WORK = 30_000_000
"""Characters that are compared with keys, for one reply."""

MOST_PATTERN_WORK = 60_000_000
"""The same for regular expressions: characters times what RE2 compiled the expression to."""

_COMPILING_WORK = 20_000
_REFUSING_WORK = 500_000
_MOST_PLACES = 200
_GRAM = LOOKED_UP
_REMEMBERED = 400
_MOST_REMEMBERED_CHARACTERS = 20_000
_LETTERS = 64
"""So much of a key is looked up."""

_FEW = 200
"""Fewer keys than this are sooner looked for one by one."""


class Text:
    """One text to look through, in the forms in which it is needed. `speaker` goes before what they said."""

    def __init__(self, content: str, *, speaker: str = "") -> None:
        self.content = content if content.isascii() else normalize("NFC", content)
        self.speaker = speaker
        self._folded: str | None = None
        self._grams: set[str] | None = None
        self._words: tuple[set[str], set[str]] | None = None

    @property
    def folded(self) -> str:
        if self._folded is None:
            self._folded = self.content.casefold()
        return self._folded

    @property
    def spoken(self) -> str:
        """With who said it, as SillyTavern's regular expressions may ask for it."""
        return f"\x01{self.speaker}: {self.content}"

    @property
    def grams(self) -> set[str]:
        """Every one, two and three characters in a row."""
        if self._grams is None:
            text, places = self.folded, range(len(self.folded))
            self._grams = {text[at : at + _GRAM] for at in places}
            self._grams |= {gram[:-1] for gram in self._grams} | set(text)
        return self._grams

    def words(self, *, folded: bool) -> set[str]:
        if self._words is None:
            self._words = words(self.content), words(self.folded)
        return self._words[folded]


class Index:
    """The keys of a book, made ready to be looked for, and what the last texts were found to hold.

    Safe for threads.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._lock = threading.Lock()
        self._keys_of_text: OrderedDict[tuple[str, str], frozenset[Key]] = OrderedDict()
        unique = list(dict.fromkeys(keys))
        self.patterns = [key for key in unique if not has_certain_letters(key)][:MOST_PATTERNS]
        """Regular expressions that may match whatever the letters of a text are."""
        with_letters = [key for key in unique if has_certain_letters(key)]
        self.by_gram = _by_gram(
            {key: certain_letters(key.text) if key.is_pattern else key.text for key in with_letters}
        )

    def remembered_keys(self, text: Text) -> frozenset[Key] | None:
        """The keys a text was found to hold, where it is not long ago."""
        with self._lock:
            return self._keys_of_text.get((text.content, text.speaker))

    def remember(self, text: Text, keys: frozenset[Key]) -> None:
        if len(text.content) > _MOST_REMEMBERED_CHARACTERS:
            return
        with self._lock:
            self._keys_of_text[text.content, text.speaker] = keys
            while len(self._keys_of_text) > _REMEMBERED:
                self._keys_of_text.popitem(last=False)


class Search:
    """Looks for an index's keys in text after text, within one limit on the work."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.plain_work = 0
        self.pattern_work = 0

    @property
    def ended_early(self) -> bool:
        """Whether not everything was looked for."""
        return self.plain_work > MOST_PLAIN_WORK or self.pattern_work > MOST_PATTERN_WORK

    def keys_in(self, text: Text) -> frozenset[Key]:
        """The keys that come up in a text."""
        remembered = self._index.remembered_keys(text)
        if remembered is not None:
            return remembered
        likely = [*self._candidates(text), *self._index.patterns]
        keys = frozenset(
            key for key in likely if (self._matches if key.is_pattern else self._holds)(text, key)
        )
        if not self.ended_early:
            self._index.remember(text, keys)
        return keys

    def _candidates(self, text: Text) -> list[Key]:
        by_gram = self._index.by_gram
        if len(by_gram) < _FEW:
            return [key for gram, keys in by_gram.items() if gram in text.folded for key, _ in keys]
        grams = text.grams
        return [key for gram in grams & by_gram.keys() for key, last in by_gram[gram] if last in grams]

    def _holds(self, text: Text, key: Key) -> bool:
        where = text.content if key.case_sensitive else text.folded
        if key.whole_words and is_word(key.text):
            return key.text in text.words(folded=not key.case_sensitive)
        if self.plain_work > MOST_PLAIN_WORK:
            return False
        self.plain_work += len(where) + len(key.text)
        if key.text not in where:
            return False
        return not key.whole_words or " " in key.text or _stands_alone(key.text, where)

    def _matches(self, text: Text, key: Key) -> bool:
        if self.pattern_work > MOST_PATTERN_WORK:
            return False
        self.pattern_work += _COMPILING_WORK
        pattern = compiled(key.text, key.flags or "")
        if pattern is None:
            self.pattern_work += _REFUSING_WORK
            return False
        where = text.spoken if "\\x01" in key.text else text.content
        self.pattern_work += pattern.programsize * len(where)
        if self.pattern_work > MOST_PATTERN_WORK:
            return False
        return pattern.search(where.encode("utf-8", "replace")) is not None


def _by_gram(letters: Mapping[Key, str]) -> dict[str, list[tuple[Key, str]]]:
    """The keys, each under the rarest three letters that it has to hold, with the last three."""
    grams = {key: _grams(text) for key, text in letters.items()}
    counted = Counter(gram for each in grams.values() for gram in each)
    by_gram: dict[str, list[tuple[Key, str]]] = {}
    for key, each in grams.items():
        by_gram.setdefault(min(each, key=counted.__getitem__), []).append((key, each[-1]))
    return by_gram


def _grams(text: str) -> list[str]:
    folded = text.casefold()[:_LETTERS]
    return [folded[at : at + _GRAM] for at in range(max(len(folded) - _GRAM + 1, 1))]


def _stands_alone(key: str, where: str) -> bool:
    """Whether it stands somewhere with no letter beside it; only so many places are looked at."""
    at = where.find(key)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return False
        before, after = where[at - 1 : at], where[at + len(key) : at + len(key) + 1]
        if not _is_letter(before) and not _is_letter(after):
            return True
        at = where.find(key, at + 1)
    return False


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"
