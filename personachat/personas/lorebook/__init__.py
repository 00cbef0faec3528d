"""Lore: text about a persona's world that is sent only when it comes up, from a character card's book.

The book is kept in `extensions["character_book"]` unchanged. Invalid parts are skipped and never raise.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from personachat.personas.lorebook.activations import ActivatedEntry, ActivatedLore, Occasion, SpokenMessage
from personachat.personas.lorebook.book import Book, LoreEntry
from personachat.personas.lorebook.limits import limits
from personachat.personas.lorebook.reading import contents, is_book, read
from personachat.personas.lorebook.selection import Teller
from personachat.personas.persona import Persona

__all__ = [
    "BOOK",
    "ActivatedEntry",
    "ActivatedLore",
    "Book",
    "LoreEntry",
    "Occasion",
    "SpokenMessage",
    "Teller",
    "contents",
    "is_book",
    "limits",
    "read",
    "teller_of",
]

BOOK = "character_book"

REMEMBERED = 8
"""So many books are kept ready to be told."""

_lock = threading.Lock()
_tellers: OrderedDict[int, tuple[Any, Teller]] = OrderedDict()


def teller_of(persona: Persona) -> Teller | None:
    """The persona's book, ready to be told; None if it has none. Safe for threads."""
    value = persona.extensions.get(BOOK)
    if not isinstance(value, Mapping):
        return None
    # A book is known by being the same object: a persona never changes, and comparing would take longer.
    with _lock:
        value_and_teller = _tellers.get(id(value))
        if value_and_teller is not None and value_and_teller[0] is value:
            _tellers.move_to_end(id(value))
            return value_and_teller[1]
    teller = Teller(read(value))
    with _lock:
        _tellers[id(value)] = value, teller
        while len(_tellers) > REMEMBERED:
            _tellers.popitem(last=False)
    return teller
