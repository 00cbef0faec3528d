"""What an error repeats of what was sent: enough to find it, never all of it.

Whoever sends a megabyte of wrong keys gets told of the first ones, each cut to a length that one can read.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_PROBLEMS = 50
MOST_CHARACTERS = 500
MOST_STEPS = 20
MOST_KEY_CHARACTERS = 100


def sentence(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """The text, cut where it is longer than anybody would write."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def place(steps: Iterable[str | int]) -> list[str | int]:
    """A path to a value, of which neither the steps nor their names are without end."""
    return [
        sentence(step, most=MOST_KEY_CHARACTERS) if isinstance(step, str) else step
        for step, _ in zip(steps, range(MOST_STEPS), strict=False)
    ]
