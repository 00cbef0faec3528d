"""What the provider says: a prompt orders so many tokens at a rate, and the text follows from that alone.

So a client knows every token before it comes, and can tell from what is on its screen which was the last.
Screens differ in markup, cursors and where they cut a text, so only ASCII letters and digits are compared.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice

NO_LETTERS = bytes(byte for byte in range(256) if not chr(byte).isalnum() or byte > 127)

VOCABULARY = """\
river mountain paper window garden between quiet orange measure because water letter market travel
open winter could never follow bright answer wooden about history carry north little evening machine
under question silver number field together morning plan reason found large yellow every begin town
"""
WORDS = tuple(VOCABULARY.split())

LINES = (
    ("for", " row", " in", " table", ":\n"),
    ("    total", " +=", " row", ".price", "\n"),
    ("if", " total", " >", " 100", ":\n"),
    ("    print", "(", "total", ")\n"),
)

_ORDER = re.compile(r"Say (\d+) tokens at ([\d.]+) a second, number ([0-9a-f]+)\.")


@dataclass(frozen=True, slots=True)
class Order:
    """A reply of `tokens` tokens, `per_second` of them a second; 0 is as fast as they can be sent."""

    tokens: int
    per_second: float
    number: str

    @classmethod
    def new(cls, tokens: int, per_second: float = 0) -> Order:
        """An order whose reply no other reply looks like."""
        return cls(tokens, per_second, uuid.uuid4().hex[:12])

    @classmethod
    def found_in(cls, prompt: str) -> Order | None:
        found = _ORDER.search(prompt)
        return cls(int(found[1]), float(found[2]), found[3]) if found else None

    @property
    def prompt(self) -> str:
        return f"Say {self.tokens} tokens at {self.per_second:g} a second, number {self.number}."

    @property
    def reply(self) -> tuple[str, ...]:
        """The tokens; the first is in no other reply and not in the prompt."""
        return _tokens(self)

    @property
    def marker(self) -> bytes:
        """The letters every sight of the reply begins with."""
        return letters(self.reply[0])


def letters(text: str) -> bytes:
    """What of a text is compared."""
    return text.encode().translate(None, NO_LETTERS)


def letter_counts(tokens: tuple[str, ...]) -> list[int]:
    """How many letters are visible once each token is."""
    return list(accumulate(len(letters(token)) for token in tokens))


@lru_cache(maxsize=1024)
def _tokens(order: Order) -> tuple[str, ...]:
    first = f"Number{order.number[::-1]}"
    return (first, *islice(_markdown(random.Random(order.number)), order.tokens - 1))


def _markdown(chance: random.Random) -> Iterator[str]:
    """Endless Markdown as models write it: paragraphs, then a heading, a list and code, and again."""
    yield ":"
    while True:
        for _ in range(chance.randint(2, 3)):
            for _ in range(chance.randint(2, 5)):
                yield from _sentence(chance)
            yield "\n\n"
        yield from ("##", *_words(chance, 3), "\n\n")
        for _ in range(chance.randint(3, 5)):
            yield from ("-", *_words(chance, chance.randint(4, 9)), "\n")
        yield from ("\n", "```", "python", "\n")
        for _ in range(chance.randint(2, 4)):
            yield from chance.choice(LINES)
        yield from ("```", "\n\n")


def _sentence(chance: random.Random) -> Iterator[str]:
    yield from _words(chance, chance.randint(5, 14))
    yield from chance.choice(((".",), (".",), (",", *_words(chance, 4), "."), (" **indeed", "**.")))


def _words(chance: random.Random, count: int) -> list[str]:
    return [f" {word}" for word in chance.choices(WORDS, k=count)]
