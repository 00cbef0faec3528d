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
    found = [*_patterns(book), *_unused(book, raw)]
    if book.left_out:
        found.append(
            f"Of {book.left_out + MOST_ENTRIES:,} entries of its lore the first {MOST_ENTRIES:,} are told."
        )
    return found


def _patterns(book: Book) -> list[str]:
    patterns = [each for entry in book.entries for each in entry.every_key() if each.is_pattern]
    unique = list(dict.fromkeys(patterns))
    found = []
    slow = sum(not has_certain_letters(each) for each in unique)
    if slow > MOST_PATTERNS:
        found.append(
            f"Of {slow:,} regular expressions in its lore that may match anything "
            f"the first {MOST_PATTERNS:,} are run."
        )
    faulty = [(each, why) for each in unique[:MOST_CHECKED] if (why := fault(each))]
    found += [
        f"The key {_short(each.shown)} of its lore {why}: it never comes up." for each, why in faulty[:3]
    ]
    if len(faulty) > 3:
        found.append(f"So are {len(faulty) - 3:,} more keys of its lore.")
    return found


def _unused(book: Book, raw: Sequence[Mapping[str, Any]]) -> list[str]:
    outlets = sum(entry.place == "nowhere" for entry in book.entries)
    similar = sum(_says(each, "vectorized") for each in raw)
    filtered = sum(bool(each.get("characterFilter")) and _names_some(each["characterFilter"]) for each in raw)
    found = []
    if outlets:
        found.append(f"{_entries(outlets)} for outlets, which there are none of here: not told.")
    if similar:
        found.append(f"{_entries(similar)} to be found by similarity; here they come up by their keys alone.")
    if filtered:
        found.append(f"{_entries(filtered)} for certain characters only; here they are told by this persona.")
    return found


def _says(raw: Mapping[str, Any], name: str) -> bool:
    extensions = raw.get("extensions")
    return raw.get(name) is True or (isinstance(extensions, Mapping) and extensions.get(name) is True)


def _names_some(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value.get("names") or value.get("tags"))


def _entries(count: int) -> str:
    return "1 entry of its lore is" if count == 1 else f"{count:,} entries of its lore are"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
