"""A suite's text as it is stored, and what is wrong with it. Files are checked without any database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from personachat.errors import Problem, SuiteInvalid
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite
from personachat.personas.store.persona_file import TESTS_SUFFIX, etag_of

SUFFIX = TESTS_SUFFIX

PERSONA_LINE = re.compile(r"^(\ufeff?persona[ \t]*:[ \t]*)(\S+)", re.MULTILINE)

_JSON_PERSONA = re.compile(r'("persona"[ \t\r\n]*:[ \t\r\n]*)"[^"]*"')


@dataclass(frozen=True, slots=True)
class StoredSuite:
    """A suite's text as saved. `suite` is None where the text has problems."""

    persona_id: str
    text: str
    etag: str
    suite: Suite | None
    problems: tuple[Problem, ...] = ()

    def whole(self) -> Suite:
        """Raises SuiteInvalid."""
        if self.suite is None:
            raise SuiteInvalid(self.problems)
        return self.suite


def suite_problems(persona_id: str, text: str) -> tuple[Problem, ...]:
    """What is wrong with a text as this persona's suite; empty where nothing is."""
    return stored_suite(persona_id, text).problems


def stored_suite(persona_id: str, text: str) -> StoredSuite:
    """The text as this persona's suite, whole or with what is wrong."""
    etag = etag_of(text.encode("utf-8"))
    try:
        suite = parse_suite(text)
    except SuiteInvalid as error:
        return StoredSuite(persona_id, text, etag, None, error.problems)
    if suite.persona != persona_id:
        message = f'The suite is for "{suite.persona}", but it belongs to "{persona_id}".'
        problem = Problem(message, line_of_persona(text), 1, ("persona",))
        return StoredSuite(persona_id, text, etag, None, (problem,))
    return StoredSuite(persona_id, text, etag, suite)


def for_persona(text: str, persona_id: str) -> str:
    """The text as a suite of this persona: with its id, and else to the letter."""
    if text.lstrip().startswith("{"):
        return _JSON_PERSONA.sub(lambda match: f'{match[1]}"{persona_id}"', text, count=1)
    return PERSONA_LINE.sub(lambda match: f"{match[1]}{persona_id}", text, count=1)


def line_of_persona(text: str) -> int:
    """Where the text names its persona; 1 where it does not."""
    match = PERSONA_LINE.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else 1
