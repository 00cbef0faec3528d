"""A lore book as it is used: entries with what brings them up, when, where, and how much of it. Values only.

Every shape in which books come is read into this one; what is not said has the value that the specifications
or SillyTavern give it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from personachat.personas.lorebook.keys import Key

Place: TypeAlias = Literal["before", "after", "depth", "examples_top", "examples_bottom", "nowhere"]
"""Before or after the persona's prompt, among the turns of the conversation, or around the examples."""

Logic: TypeAlias = Literal["and_any", "and_all", "not_any", "not_all"]

Role: TypeAlias = Literal["system", "user", "assistant"]

SCAN_DEPTH = 4
"""How many messages at the end are looked through where the book does not say."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long an entry stays, rests and waits, in messages; 0 is not at all."""

    sticky: int = 0
    cooldown: int = 0
    delay: int = 0
    after_replies: int = 0
    """Not before the persona has spoken so often."""
    every_replies: int = 0
    """Only where the number of its messages can be divided by this."""
    forever_once_told: bool = False
    once: bool = False

    @property
    def remembers(self) -> bool:
        """Whether it matters what was told earlier."""
        return bool(self.sticky or self.cooldown or self.forever_once_told or self.once)


@dataclass(frozen=True, slots=True)
class Recursion:
    """How an entry takes part where lore brings up lore."""

    by_lore: bool = True
    """Whether other entries bring it up."""
    brings_up: bool = True
    """Whether it brings up others."""
    level: int = 0
    """Above 0 it comes up by other entries alone, the levels one after another."""


@dataclass(frozen=True, slots=True)
class LoreEntry:
    """One piece of lore. `number` is its place in the book, from 0."""

    number: int
    name: str
    content: str
    keys: tuple[Key, ...] = ()
    secondary: tuple[Key, ...] = ()
    logic: Logic = "and_any"
    required: tuple[Key, ...] = ()
    """One of these has to come up as well, unless there are none."""
    excluded: tuple[Key, ...] = ()
    """None of these may come up."""
    constant: bool = False
    always: bool = False
    """Told whatever else holds, by the author's @@activate."""
    probability: float = 100
    order: float = 100
    priority: float = 0
    ignores_budget: bool = False
    goes_first: bool = False
    """Left out before all others if there is no room."""
    scan_depth: int | None = None
    scans_prompt: bool = False
    """Whether its keys are looked for in the persona's own prompt, too."""
    place: Place = "after"
    depth: int = 0
    depth_from_start: bool = False
    role: Role = "system"
    greeting: int | None = None
    """Only in conversations that began with this greeting, counted from 0."""
    groups: tuple[str, ...] = ()
    group_weight: float = 100
    group_winner: bool = False
    timing: Timing = field(default_factory=Timing)
    recursion: Recursion = field(default_factory=Recursion)

    def every_key(self) -> tuple[Key, ...]:
        return (*self.keys, *self.secondary, *self.required, *self.excluded)


@dataclass(frozen=True, slots=True)
class Book:
    """`left_out` entries are too many to be told."""

    entries: tuple[LoreEntry, ...] = ()
    scan_depth: int = SCAN_DEPTH
    token_budget: int = 0
    """0 is no limit."""
    recursive: bool = False
    left_out: int = 0
    name: str = ""
