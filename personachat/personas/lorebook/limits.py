"""What of a lore book does nothing here, in sentences for whoever brings it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from personachat.personas.lorebook.book import Book
from personachat.personas.lorebook.keys import MOST_PATTERNS, fault, has_certain_letters
from personachat.personas.lorebook.reading import MOST_ENTRIES, contents, raw_entries, read

MOST_CHECKED = 500
"""So many regular expressions are compiled to see whether they can be run."""


def limits(value: Any) -> list[str]:
    """Sentences on what of a book in its JSON value is kept, but not told as its author means it."""
    if not isinstance(value, Mapping):
        return []
    book = read(value)
    raw = [each for each in raw_entries(contents(value)) if isinstance(each, Mapping)]
    notices = [*_patterns(book), *_unused(book, raw)]
    if book.left_out:
        notices.append(
            f"Its lore has {book.left_out + MOST_ENTRIES:,} entries; only the first {MOST_ENTRIES:,} "
            "are used."
        )
    return notices


def _patterns(book: Book) -> list[str]:
    patterns = [each for entry in book.entries for each in entry.every_key() if each.is_pattern]
    unique = list(dict.fromkeys(patterns))
    notices = []
    slow = sum(not has_certain_letters(each) for each in unique)
    if slow > MOST_PATTERNS:
        notices.append(
            f"Its lore has {slow:,} regular expressions that could match anything; only the first "
            f"{MOST_PATTERNS:,} are used."
        )
    faulty = [(each, why) for each in unique[:MOST_CHECKED] if (why := fault(each))]
    notices += [
        f"The key {_short(each.as_written)} in its lore {why}, so it never matches."
        for each, why in faulty[:3]
    ]
    if len(faulty) > 3:
        notices.append(f"The same is true for {len(faulty) - 3:,} more keys in its lore.")
    return notices


def _unused(book: Book, raw: Sequence[Mapping[str, Any]]) -> list[str]:
    outlets = sum(entry.place == "nowhere" for entry in book.entries)
    similar = sum(_says(each, "vectorized") for each in raw)
    filtered = sum(bool(each.get("characterFilter")) and _names_some(each["characterFilter"]) for each in raw)
    notices = []
    if outlets:
        notices.append(f"{_entries(outlets)} for outlets, which are not supported here, and never used.")
    if similar:
        notices.append(f"{_entries(similar)} meant to be found by similarity. Here, only keys are used.")
    if filtered:
        notices.append(
            f"{_entries(filtered)} for certain characters only. Here, this persona always uses them."
        )
    return notices


def _says(raw: Mapping[str, Any], name: str) -> bool:
    extensions = raw.get("extensions")
    return raw.get(name) is True or (isinstance(extensions, Mapping) and extensions.get(name) is True)


def _names_some(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value.get("names") or value.get("tags"))


def _entries(count: int) -> str:
    return "1 entry of its lore is" if count == 1 else f"{count:,} entries of its lore are"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
