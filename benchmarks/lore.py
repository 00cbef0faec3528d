"""How long the lore of one message takes, by the size of the book.

Run `uv run python -m benchmarks.lore`. Times are of the process's own CPU, so that what else the machine does
hardly counts. The first message of a book also reads it; every other one adds two messages to look through.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

from personachat.personas.lorebook import Occasion, SpokenMessage, Teller, read

SIZES = (100, 1_000, 10_000)
MESSAGES = 20
WORDS = 250
"""In a message."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(4, 9))) for _ in range(40_000)]
    print("| keys | entries | reading, ms | first message, ms | message, ms | told |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, key in _KEYS.items():
        for size in SIZES:
            print(_row(name, [key(word) for word in words[:size]], _history(words, chance)))


_KEYS: dict[str, Callable[[str], str]] = {
    "words": lambda word: word,
    "regular expressions": lambda word: f"/\\b{word}s?\\b/i",
}


def _history(words: list[str], chance: random.Random) -> Iterator[SpokenMessage]:
    for number in range(2 * MESSAGES):
        yield SpokenMessage(" ".join(chance.choices(words, k=WORDS)), by_persona=number % 2 == 1)


def _row(name: str, keys: list[str], said: Iterator[SpokenMessage]) -> str:
    entries = [{"keys": [key], "content": f"About {key}.", "insertion_order": 1} for key in keys]
    teller, reading = _timed(lambda: Teller(read({"entries": entries})))
    history = list(said)
    told: list[int] = []
    spent: list[float] = []
    for count in range(1, len(history), 2):
        said_so_far = history[:count]
        found, seconds = _timed(partial(teller.tell, said_so_far, Occasion("benchmark")))
        told.append(len(found.entries))
        spent.append(seconds)
    first, *others = spent
    times = f"{reading * 1000:.0f} | {first * 1000:.0f} | {median(others) * 1000:.1f}"
    return f"| {name} | {len(keys):,} | {times} | {median(told):.0f} |"


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    done = work()
    return done, time.process_time() - began


if __name__ == "__main__":
    main()
