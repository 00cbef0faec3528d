"""What the linter says about a place in a persona's text, and how such a place is found. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from personachat.authoring.linting.fixes import Fix
from personachat.jsontext.faults import Path, places
from personachat.jsontext.reader import JsonText
from personachat.personas.persona import Persona

Severity = Literal["warning", "info"]

_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]", re.DOTALL)
"""One character of a value, in any form that JSON allows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A likely problem of a valid text, its place (1-based; columns count code points), and the fix."""

    code: str
    severity: Severity
    message: str
    line: int = 1
    column: int = 1
    path: Path = ()
    at: int = 0
    """How many characters of the value that `path` leads to come before it."""
    fix: Fix | None = None
    """The automatic fix; None if a person has to decide."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding before its place is known: `at` counts characters of the value that `path` leads to."""

    code: str
    severity: Severity
    message: str
    path: Path
    at: int = 0
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the persona that a model reads or that people see."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A persona to check, and the text it was read from."""

    persona: Persona
    read: JsonText
    passages: tuple[Passage, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passages", tuple(_passages(self.persona)))

    def wrote(self, *path: str | int) -> bool:
        """Whether the text contains this key itself, instead of its default."""
        return path in self.read.values

    def placed(self, remarks: Iterator[Remark]) -> tuple[Finding, ...]:
        """The findings in the order of the text."""
        by_offset = sorted(((self._offset(remark), remark) for remark in remarks), key=lambda pair: pair[0])
        at = places(self.read.text, [offset for offset, _ in by_offset])
        return tuple(
            Finding(
                remark.code,
                remark.severity,
                remark.message,
                line,
                column,
                remark.path,
                at=remark.at,
                fix=remark.fix,
            )
            for (_, remark), (line, column) in zip(by_offset, at, strict=True)
        )

    def _offset(self, remark: Remark) -> int:
        values, path = self.read.values, remark.path
        while path not in values:
            path = path[:-1]
        start = values[path]
        if remark.at == 0 or path != remark.path or self.read.text[start] != '"':
            return start
        at = start + 1
        for _ in range(remark.at):
            character = _CHARACTER.match(self.read.text, at)
            at = character.end() if character else at
        return at


def _passages(persona: Persona) -> Iterator[Passage]:
    yield Passage(("systemPrompt",), persona.system_prompt)
    for trait, text in persona.personality.model_dump().items():
        yield Passage(("personality", trait), text)
    yield Passage(("greeting",), persona.greeting)
    for key, texts in (("alternateGreetings", persona.alternate_greetings), ("starters", persona.starters)):
        yield from (Passage((key, place), text) for place, text in enumerate(texts))
    for place, example in enumerate(persona.examples):
        yield Passage(("examples", place, "user"), example.user)
        yield Passage(("examples", place, "assistant"), example.assistant)
