"""How much of a request an error repeats: enough to find the fault, never all of it.

For a megabyte of wrong keys, an error names the first ones, each cut to a readable length.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_PROBLEMS = 50
MOST_CHARACTERS = 500
MOST_STEPS = 20
MOST_KEY_CHARACTERS = 100


def sentence(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """The text, cut if it is longer than anyone would write."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def place(steps: Iterable[str | int]) -> list[str | int]:
    """The path to a value, with a limited number of steps of limited length."""
    return [
        sentence(step, most=MOST_KEY_CHARACTERS) if isinstance(step, str) else step
        for step, _ in zip(steps, range(MOST_STEPS), strict=False)
    ]
