"""Lore books by themselves: World Info of SillyTavern, lorebook_v3, their relatives, and the books of cards.

A book belongs to a persona: whoever brings it says to which. Nothing in it is fetched or executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.personas import lorebook, macros
from personachat.personas.formats.cards.png import SIGNATURE, read_png_card
from personachat.personas.formats.cards.text import decoded
from personachat.personas.persona import Persona

MOST_FILE_BYTES = 20 * 1024 * 1024

_HINT = "Choose a SillyTavern World Info file, a lorebook_v3 file, or a character card with a lore book."


@dataclass(frozen=True, slots=True)
class LoreRead:
    """A book from a file, and in sentences what of it does nothing here."""

    book: dict[str, Any]
    entries: int
    losses: tuple[str, ...] = ()


def read_lore(content: bytes) -> LoreRead:
    """The book in a file. Raises ImportRefused with a sentence that says why there is none."""
    try:
        is_card = content.startswith(SIGNATURE)
        text, notes = read_png_card(content) if is_card else (content.decode("utf-8-sig"), ())
    except UnicodeDecodeError:
        raise ImportRefused("The file is neither UTF-8 text nor a PNG picture.", hint=_HINT) from None
    value, losses = decoded(text)
    losses = (*notes, *losses)
    data = value.get("data") if isinstance(value, Mapping) else None
    if isinstance(data, Mapping) and isinstance(data.get(lorebook.BOOK), Mapping):
        value = data[lorebook.BOOK]
    if not lorebook.is_book(value):
        raise ImportRefused("This is not a lore book: it has no entries.", hint=_HINT)
    book = lorebook.contents(value)
    entries = lorebook.read(book).entries
    unknown = macros.unknown("\n".join(entry.content for entry in entries))
    if unknown:
        name_list = ", ".join(f"{{{{{excerpt(name, most=30)}}}}}" for name in unknown[:5])
        losses = (*losses, f"These placeholders are not supported here and stay as written: {name_list}.")
    return LoreRead(book, len(entries), (*losses, *lorebook.limits(book)))


def write_lore(persona: Persona) -> bytes | None:
    """The persona's book as a lorebook_v3 file; None if it has none."""
    book = persona.extensions.get(lorebook.BOOK)
    if not isinstance(book, Mapping):
        return None
    whole = {"spec": "lorebook_v3", "data": lorebook.contents(book)}
    return (json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
