"""Repetitions and contradictions within a persona."""

from __future__ import annotations

from collections.abc import Iterator

from personachat.authoring.linting.findings import Remark, Subject
from personachat.authoring.linting.fixes import left_out


def remarks(subject: Subject) -> Iterator[Remark]:
    persona = subject.persona
    yield from _twice("starter", "starters", persona.starters)
    greetings = (persona.greeting, *persona.alternate_greetings)
    for place in _repeated(greetings):
        message = "This greeting appears twice: remove one of them."
        yield Remark(
            "greeting-repeated",
            "info",
            message,
            ("alternateGreetings", place - 1),
            fix=left_out(("alternateGreetings", place - 1)),
        )
    for place, stop in enumerate(persona.stop):
        for number, example in enumerate(persona.examples, 1):
            if stop in example.assistant:
                message = f"Replies end at this text, but the answer of example {number} contains it."
                yield Remark("stop-in-example", "warning", message, ("stop", place))
                break


def _twice(what: str, key: str, texts: tuple[str, ...]) -> Iterator[Remark]:
    for place in _repeated(texts):
        message = f"This {what} appears twice: remove one of them."
        yield Remark(f"{what}-repeated", "info", message, (key, place), fix=left_out((key, place)))


def _repeated(texts: tuple[str, ...]) -> Iterator[int]:
    seen: set[str] = set()
    for place, text in enumerate(texts):
        plain = " ".join(text.split()).casefold()
        if plain and plain in seen:
            yield place
        seen.add(plain)
