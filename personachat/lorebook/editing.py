"""Changes to a lore book as it stands in a persona's JSON text; what is not changed stays. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from personachat.lorebook.reading import contents, raw_entries
from personachat.persona import parse_persona
from personachat.persona_edits import with_value

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
    if joining == "add" and (known := entries_of(here)):
        come = [each for each in entries_of(book) if each not in known]
        book = here | {"entries": [*known, *come]}
    return with_value(text, BOOK_PATH, dict(book))


def with_entry(book: Mapping[str, Any], number: int, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The book with another entry in this place; one past the last adds it."""
    return _with_entries(book, [*entries_of(book)[:number], dict(entry), *entries_of(book)[number + 1 :]])


def without_entry(book: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The book without the entry in this place."""
    return _with_entries(book, [*entries_of(book)[:number], *entries_of(book)[number + 1 :]])


def _with_entries(book: Mapping[str, Any], entries: Sequence[Any]) -> dict[str, Any]:
    """Entries that were an object stay one, each under the name it had."""
    before = book.get("entries")
    if not isinstance(before, Mapping):
        return dict(book) | {"entries": list(entries)}
    names = {id(value): name for name, value in before.items()}
    free = iter(name for name in map(str, range(len(before) + len(entries) + 1)) if name not in before)
    if len(entries) == len(before):
        return dict(book) | {"entries": dict(zip(before, entries, strict=True))}
    return dict(book) | {"entries": {names.get(id(each)) or next(free): each for each in entries}}


def changed(
    entry: Mapping[str, Any],
    *,
    keys: Sequence[str],
    content: str,
    enabled: bool,
    order: float,
    constant: bool,
) -> dict[str, Any]:
    """An entry with these values, under the names that it has for them."""
    of_world = "key" in entry or "keysecondary" in entry or "disable" in entry
    names = ("key", "order") if of_world else ("keys", "insertion_order")
    new = dict(entry) | {names[0]: list(keys), "content": content, names[1]: order, "constant": constant}
    return new | ({"disable": not enabled} if of_world else {"enabled": enabled})


def new_entry() -> dict[str, Any]:
    """An empty entry as a card has it."""
    return {"keys": [], "content": "", "enabled": True, "insertion_order": 100, "extensions": {}}
