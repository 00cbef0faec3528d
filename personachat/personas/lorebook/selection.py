"""Which entries of a lore book are sent for a conversation, and why. Pure.

The same book, conversation and seeds always give the same entries, so that a reply that is asked for again is
asked the same way. What stays or rests from earlier messages is found by going through the conversation
again: nothing is remembered elsewhere. Sources: character-card-spec-v2 and -v3; SillyTavern's documentation,
"World Info".
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from personachat.personas.lorebook.activations import (
    ActivatedEntry,
    ActivatedLore,
    Occasion,
    SpokenMessage,
)
from personachat.personas.lorebook.book import Book, LoreEntry
from personachat.personas.lorebook.keys import Key, key
from personachat.personas.lorebook.matching import MOST_SCANNED_CHARACTERS, Index, Search, Text
from personachat.personas.lorebook.priorities import one_of_each_group, within
from personachat.personas.macros import draw, hidden_keys

MOST_ROUNDS = 8
"""How often lore may bring up further lore."""

MOST_SCANNED = 1_000
"""So many messages at the end, at most, are looked through."""

MOST_REMEMBERED = 200
"""So many messages back, at most, an earlier telling still matters."""

_ALWAYS = "always"
_KEPT_KEYS = 2


class Teller:
    """A book, made ready to be told again and again. Safe for threads."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._with_macros = list(
            dict.fromkeys(
                each for entry in book.entries for each in entry.every_key() if "{{" in each.as_written
            )
        )
        self._lock = threading.Lock()
        self._keys: OrderedDict[tuple[str, ...], _Keys] = OrderedDict()
        self.constant = {entry.number for entry in book.entries if entry.constant or entry.always}
        self.timed = {entry.number for entry in book.entries if entry.timing.remembers}
        self.levels = sorted({entry.recursion.level for entry in book.entries} - {0})
        self.scans_prompt = any(entry.scans_prompt for entry in book.entries)
        own = [entry.scan_depth for entry in book.entries if entry.scan_depth is not None]
        self.deepest = min(max([book.scan_depth, *own]), MOST_SCANNED)
        """So many messages at the end matter to any key."""

    def tell(self, history: Sequence[SpokenMessage], occasion: Occasion) -> ActivatedLore:
        """What the end of this history brings up."""
        return _Telling(self, self._filled(occasion), history, occasion).tell()

    def _filled(self, occasion: Occasion) -> _Keys:
        """The keys with their macros replaced, which mostly come out as they did before."""
        filled = tuple(occasion.fill(each.as_written, "key") for each in self._with_macros)
        with self._lock:
            if filled in self._keys:
                self._keys.move_to_end(filled)
                return self._keys[filled]
        entries = self.book.entries
        if filled:
            values = dict(zip(self._with_macros, filled, strict=True))
            entries = tuple(_with_keys_filled(entry, values) for entry in entries)
        new_keys = _Keys(entries)
        with self._lock:
            self._keys[filled] = new_keys
            while len(self._keys) > _KEPT_KEYS:
                self._keys.popitem(last=False)
        return new_keys


class _Keys:
    """The entries with what they are looked for by."""

    def __init__(self, entries: Sequence[LoreEntry]) -> None:
        self.entries = {entry.number: entry for entry in entries}
        self.index = Index(each for entry in entries for each in entry.every_key())
        self.by_key: dict[Key, list[int]] = defaultdict(list)
        for entry in entries:
            for each in dict.fromkeys(entry.keys):
                self.by_key[each].append(entry.number)


@dataclass(slots=True)
class _Mentions:
    """Where keys came up: how many messages from the end, in other lore, in the prompt."""

    depths: dict[Key, int] = field(default_factory=dict)
    lore: set[Key] = field(default_factory=set)
    prompt: set[Key] = field(default_factory=set)


class _Telling:
    """One book being told once."""

    def __init__(
        self, teller: Teller, keys: _Keys, history: Sequence[SpokenMessage], occasion: Occasion
    ) -> None:
        self._teller = teller
        self._book = teller.book
        self._keys = keys
        self._history = history
        self._occasion = occasion
        self._search = Search(keys.index)
        self._in_message: dict[int, frozenset[Key]] = {}
        self._room = MOST_SCANNED_CHARACTERS

    def tell(self) -> ActivatedLore:
        count = len(self._history)
        mentions = self._mentions(count)
        stays, rests = self._remembered(count)
        candidates: dict[int, ActivatedEntry] = {}
        refused: set[int] = set(rests)
        levels = iter(self._teller.levels)
        level = 0
        for number in range(MOST_ROUNDS if self._book.recursive else 1):
            fresh = (self._candidates(mentions) | stays) - refused - candidates.keys()
            new = self._round(fresh, mentions, stays, level=level, refused=refused)
            candidates |= {each.entry.number: each for each in new}
            # The first level has its turn with what came up at once, the others when nothing more does.
            if not self._brought_up(new, mentions) or number == 0:
                following = next(levels, None)
                if following is None and not new:
                    break
                level = following or level
        occasion = self._occasion
        seeds = (occasion.conversation, str(count))
        picked = one_of_each_group(list(candidates.values()), seeds=seeds)
        most = occasion.most_tokens
        activated, no_room = within(picked, budget=self._book.token_budget or most, most=most)
        return ActivatedLore(activated, no_room, self._search.ended_early)

    def _round(
        self,
        numbers: Collection[int],
        mentions: _Mentions,
        stays: Collection[int],
        *,
        level: int,
        refused: set[int],
    ) -> list[ActivatedEntry]:
        new = []
        for number in sorted(numbers):
            entry = self._keys.entries[number]
            by = "still told" if number in stays else self._why(entry, mentions, level=level)
            if by is None:
                continue
            if number not in stays and not self._is_lucky(entry, len(self._history)):
                refused.add(number)
                continue
            new.append(ActivatedEntry(entry, self._occasion.fill(entry.content, f"lore {number}"), by))
        return new

    # --- what comes up ----------------------------------------------------------------------------

    def _mentions(self, count: int) -> _Mentions:
        """What came up in the last messages before there were more than `count`."""
        mentions = _Mentions()
        for depth in range(1, min(self._teller.deepest, count) + 1):
            for each in self._keys_in_message(count - depth):
                mentions.depths.setdefault(each, depth)
        if self._occasion.prompt and self._teller.scans_prompt:
            mentions.prompt |= self._search.keys_in(Text(self._occasion.prompt))
        return mentions

    def _keys_in_message(self, number: int) -> frozenset[Key]:
        if number not in self._in_message:
            message = self._history[number]
            content = message.content[-self._room :] if self._room > 0 else ""
            self._room -= len(content)
            keys = self._search.keys_in(Text(content, speaker=message.speaker)) if content else frozenset()
            self._in_message[number] = keys
        return self._in_message[number]

    def _candidates(self, mentions: _Mentions) -> set[int]:
        """Entries that may come up: all others cannot."""
        keys = {*mentions.depths, *mentions.lore, *mentions.prompt}
        numbers = {number for each in keys for number in self._keys.by_key.get(each, ())}
        return numbers | self._teller.constant

    def _why(
        self, entry: LoreEntry, mentions: _Mentions, *, level: int = 0, count: int | None = None
    ) -> str | None:
        """What brings an entry up, as it is said; None if nothing does."""
        count = len(self._history) if count is None else count
        if not self._may(entry, level=level, count=count):
            return None
        if entry.constant or entry.always:
            return _ALWAYS
        depth = self._book.scan_depth if entry.scan_depth is None else entry.scan_depth

        def is_seen(each: Key) -> bool:
            return (
                mentions.depths.get(each, depth + 1) <= depth
                or (entry.recursion.by_lore and each in mentions.lore)
                or (entry.scans_prompt and each in mentions.prompt)
            )

        first = next(filter(is_seen, entry.keys), None)
        if first is None or not _agrees(entry, is_seen):
            return None
        return first.as_written

    def _may(self, entry: LoreEntry, *, level: int, count: int) -> bool:
        """Whether it can come up at all."""
        if self._occasion.certain_only and not _is_certain(entry):
            return False
        if entry.greeting is not None and self._occasion.greeting not in {None, entry.greeting}:
            return False
        return entry.always or (self._is_due(entry, count) and entry.recursion.level <= level)

    def _is_due(self, entry: LoreEntry, count: int) -> bool:
        timing = entry.timing
        if count < timing.delay:
            return False
        if not timing.after_replies and not timing.every_replies:
            return True
        replies = sum(message.by_persona for message in self._history[:count])
        return replies >= timing.after_replies and (
            not timing.every_replies or replies % timing.every_replies == 0
        )

    def _is_lucky(self, entry: LoreEntry, count: int) -> bool:
        if entry.probability >= 100 or entry.always:
            return True
        seeds = (self._occasion.conversation, str(count), "lore", str(entry.number))
        return draw(*seeds) * 100 < entry.probability

    def _brought_up(self, new: Iterable[ActivatedEntry], mentions: _Mentions) -> bool:
        """Look for keys in what was just told; whether any came up that had not before."""
        text = "\n".join(
            "\n".join((each.text, *hidden_keys(each.entry.content)))
            for each in new
            if each.entry.recursion.brings_up
        )
        keys = (
            self._search.keys_in(Text(text[:MOST_SCANNED_CHARACTERS])) - mentions.lore
            if text
            else frozenset()
        )
        mentions.lore |= keys
        return bool(keys)

    # --- what was told before ---------------------------------------------------------------------

    def _remembered(self, count: int) -> tuple[set[int], set[int]]:
        """The entries that stay, and those that rest, for what was told at earlier messages."""
        stays: set[int] = set()
        rests: set[int] = set()
        if not self._teller.timed:
            return stays, rests
        first = max(count - MOST_REMEMBERED, 0)
        questions = [
            number
            for number, (message, answer) in enumerate(pairwise(self._history[first:]), first + 1)
            if answer.by_persona and not message.by_persona
        ]
        told_at: dict[int, int] = {}
        for at in questions:
            mentions = self._mentions(at)
            for number in sorted(self._candidates(mentions) & self._teller.timed):
                entry, last = self._keys.entries[number], told_at.get(number)
                if last is not None and (_stays(entry, last, at) or _rests(entry, last, at)):
                    continue
                if self._why(entry, mentions, count=at) is not None and self._is_lucky(entry, at):
                    told_at[number] = at
        for number, last in told_at.items():
            entry = self._keys.entries[number]
            if _stays(entry, last, count):
                stays.add(number)
            elif _rests(entry, last, count):
                rests.add(number)
        return stays, rests


def _agrees(entry: LoreEntry, is_seen: Callable[[Key], bool]) -> bool:
    """Whether the secondary keys, and those of decorators, are as the author wants them."""
    if entry.required and not any(map(is_seen, entry.required)):
        return False
    if any(map(is_seen, entry.excluded)):
        return False
    if not entry.secondary:
        return True
    how_many = all if entry.logic.endswith("all") else any
    return how_many(map(is_seen, entry.secondary)) == entry.logic.startswith("and")


def _stays(entry: LoreEntry, last: int, now: int) -> bool:
    return entry.timing.forever_once_told or last < now <= last + entry.timing.sticky


def _rests(entry: LoreEntry, last: int, now: int) -> bool:
    return entry.timing.once or last < now <= last + entry.timing.sticky + entry.timing.cooldown


def _is_certain(entry: LoreEntry) -> bool:
    timing = entry.timing
    conditions = timing.delay or timing.after_replies or timing.every_replies or entry.recursion.level
    by_chance = entry.probability < 100 or entry.groups
    return entry.always or (entry.constant and not conditions and not by_chance and entry.greeting is None)


def _with_keys_filled(entry: LoreEntry, values: Mapping[Key, str]) -> LoreEntry:
    """The entry with keys for which there are values replaced."""

    def filled(keys: Sequence[Key]) -> tuple[Key, ...]:
        every_key = (
            key(values[each], case_sensitive=each.case_sensitive, whole_words=each.whole_words)
            if each in values
            else each
            for each in keys
        )
        return tuple(each for each in every_key if each)

    if values.keys().isdisjoint(entry.every_key()):
        return entry
    return replace(
        entry,
        keys=filled(entry.keys),
        secondary=filled(entry.secondary),
        required=filled(entry.required),
        excluded=filled(entry.excluded),
    )
