"""What a lore book is matched against, and which of its entries were sent. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from personachat.personas.lorebook.book import LoreEntry

MOST_TOLD_TOKENS = 100_000
BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class SpokenMessage:
    """One message of the conversation. `speaker` is the name of who said it."""

    content: str
    by_persona: bool
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """For what a book is told. `fill` replaces the macros in a text; the salt tells texts apart."""

    conversation: str = ""
    """The seed of chance, with the number of messages."""
    prompt: str = ""
    """The persona's own, for entries whose keys may stand there."""
    greeting: int | None = None
    """Which greeting the conversation began with, from 0; None if that is not known."""
    most_tokens: int = MOST_TOLD_TOKENS
    certain_only: bool = False
    """Tell only what would be told in every conversation."""
    fill: Callable[[str, str], str] = field(default=lambda text, _: text)


@dataclass(frozen=True, slots=True)
class ActivatedEntry:
    """An entry with its text, macros replaced, and what brought it up: a key as written, or in words."""

    entry: LoreEntry
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class ActivatedLore:
    """What is told, in the order of insertion, and what had no room any more."""

    entries: tuple[ActivatedEntry, ...] = ()
    no_room: tuple[ActivatedEntry, ...] = ()
    ended_early: bool = False
    """Whether the book was too much to be looked through whole."""

    @property
    def tokens(self) -> int:
        return sum(tokens_of(each.text) for each in self.entries)


def tokens_of(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
