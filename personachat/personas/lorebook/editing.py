"""Changes to a lore book as it stands in a persona's JSON text; what is not changed stays. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Literal, TypeAlias

from personachat.jsontext.edits import with_value
from personachat.personas.lorebook.reading import contents, raw_entries
from personachat.personas.persona import parse_persona

BOOK_PATH = ("extensions", "character_book")

Joining: TypeAlias = Literal["add", "replace"]
"""Whether a book's entries come after those that are there, or instead of them."""


def book_of(text: str) -> dict[str, Any]:
    """The book of a valid persona's text; an empty one where it has none."""
    book = parse_persona(text).extensions.get(BOOK_PATH[1])
    return contents(book) if isinstance(book, Mapping) else {"entries": [], "extensions": {}}


def entries_of(book: Mapping[str, Any]) -> list[Any]:
    """The entries as they stand in the book, in its order."""
    return raw_entries(book)


def with_book(text: str, book: Mapping[str, Any], *, joining: Joining) -> str:
    """The persona's text with this book, or with its entries behind those that are there.

    Raises PersonaInvalid for the text, and LookupError where the extensions have no place for a book.
    """
    book = contents(book)
    here = book_of(text)
    if joining == "add" and (present := entries_of(here)):
        new = [each for each in entries_of(book) if each not in present]
        book = here | {"entries": [*present, *new]}
    return with_value(text, BOOK_PATH, dict(book))


def shortened(
    book: Mapping[str, Any], fits: Callable[[Mapping[str, Any]], bool]
) -> tuple[dict[str, Any], int]:
    """The book with as many of its first entries as fit, and how many there are left."""
    entries = entries_of(book)
    most = bisect_left(range(len(entries)), True, key=lambda at: not fits(_first(book, at + 1)))
    return _first(book, most), most


def _first(book: Mapping[str, Any], count: int) -> dict[str, Any]:
    entries = book.get("entries")
    if isinstance(entries, Mapping):
        return dict(book) | {"entries": dict(islice(entries.items(), count))}
    return dict(book) | {"entries": list(entries or [])[:count]}


def new_entry() -> dict[str, Any]:
    """An empty entry as a card has it."""
    return {"keys": [], "content": "", "enabled": True, "insertion_order": 100, "extensions": {}}
