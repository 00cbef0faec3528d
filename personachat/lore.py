"""Lore: what a persona is told of its world only when it comes up, from a character card's book. Pure.

The book is kept in `extensions["character_book"]` as it came. Keys are looked for as plain text; those that
are regular expressions are never run. Nonsense in a book is passed over and never raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from personachat.messages import ChatMessage
from personachat.persona import Persona

BOOK = "character_book"

SCAN_DEPTH = 4
"""How many messages at the end are searched where the book does not say."""

_MOST_ENTRIES = 2_000
_MOST_ROUNDS = 4
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of lore, with what brings it up."""

    content: str
    keys: tuple[str, ...]
    also: tuple[str, ...]
    """One of these has to come up as well, unless there are none."""
    constant: bool
    before: bool
    """Told before the persona's prompt, instead of after it."""
    order: float


def triggered(persona: Persona, history: Sequence[ChatMessage]) -> tuple[str, str]:
    """What is told before and after the prompt, as the end of this history brings it up; "" for nothing."""
    book = persona.extensions.get(BOOK)
    if not isinstance(book, Mapping):
        return "", ""
    entries = _entries(book)
    depth = _whole(book.get("scan_depth"), default=SCAN_DEPTH)
    said = "\n".join(message.content for message in history[-depth:]) if depth else ""
    chosen = _chosen(entries, said, recursive=book.get("recursive_scanning") is True)
    told = _within(chosen, _whole(book.get("token_budget"), default=0))
    sides = ([entry.content for entry in told if entry.before is side] for side in (True, False))
    before, after = ("\n\n".join(texts) for texts in sides)
    return before, after


def limits(book: Any) -> list[str]:
    """Sentences on what of a book does nothing here."""
    found = book.get("entries") if isinstance(book, Mapping) else None
    entries = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    patterns = sum(each.get("use_regex") is True for each in entries)
    if not patterns:
        return []
    what = "1 entry of its lore has" if patterns == 1 else f"{patterns} entries of its lore have"
    return [f"{what} regular expressions for keys, which are kept and never run."]


def _entries(book: Mapping[str, Any]) -> list[Entry]:
    found = book.get("entries")
    raw = found if isinstance(found, list) else []
    made = (_entry(each, number) for number, each in enumerate(raw[:_MOST_ENTRIES]))
    return sorted((entry for entry in made if entry), key=lambda entry: entry.order)


def _entry(raw: Any, number: int) -> Entry | None:
    if not isinstance(raw, Mapping) or raw.get("enabled") is False or raw.get("use_regex") is True:
        return None
    content = raw.get("content")
    if not isinstance(content, str) or not content.strip():
        return None
    folded = raw.get("case_sensitive") is not True
    order = raw.get("insertion_order")
    return Entry(
        content.strip(),
        _texts(raw.get("keys"), folded=folded),
        _texts(raw.get("secondary_keys"), folded=folded) if raw.get("selective") is True else (),
        constant=raw.get("constant") is True,
        before=raw.get("position") == "before_char",
        order=order if isinstance(order, int | float) and isfinite(order) else number,
    )


def _texts(value: Any, *, folded: bool) -> tuple[str, ...]:
    """Keys to look for; those in lower case are looked for without regard to case."""
    texts = [text.strip() for text in value if isinstance(text, str)] if isinstance(value, list) else []
    return tuple(_FOLDED + text.casefold() if folded else text for text in texts if text)


_FOLDED = "\0"
"""What a key begins with that is looked for without regard to case."""


def _chosen(entries: Sequence[Entry], said: str, *, recursive: bool) -> list[Entry]:
    """The entries that come up, in their order; of a recursive book also what those bring up."""
    chosen: dict[int, Entry] = {}
    for _ in range(_MOST_ROUNDS if recursive else 1):
        folded = said.casefold()
        new = {
            number: entry
            for number, entry in enumerate(entries)
            if number not in chosen and (entry.constant or _comes_up(entry, said, folded))
        }
        if not new:
            break
        chosen |= new
        said = "\n".join(entry.content for entry in new.values())
    return [chosen[number] for number in sorted(chosen)]


def _comes_up(entry: Entry, said: str, folded: str) -> bool:
    def is_said(key: str) -> bool:
        return key[1:] in folded if key.startswith(_FOLDED) else key in said

    return any(map(is_said, entry.keys)) and (not entry.also or any(map(is_said, entry.also)))


def _within(entries: Sequence[Entry], budget_tokens: int) -> list[Entry]:
    """As many of the first as fit the book's own budget; 0 is none."""
    told, left = [], budget_tokens * _BYTES_PER_TOKEN
    for entry in entries:
        left -= len(entry.content.encode("utf-8", "surrogatepass"))
        if budget_tokens and left < 0:
            break
        told.append(entry)
    return told


def _whole(value: Any, *, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
