"""Variables of a persona: declared with defaults, filled by callers, as text alone and within bounds."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.authoring.linting.fixes import fixed
from personachat.personas.macros import MOST_OWN_CHARACTERS, Values, fill
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.prompt import greeting, system_message
from personachat.personas.variables import Variable, declared, values, with_values
from personachat.variables import MOST_VARIABLES
from tests.authoring.test_fixes import linter, text_of
from tests.conftest import persona_text
from tests.strategies import json_values

__all__ = ["linter"]  # the fixture

TODAY = date(2026, 11, 28)


def persona(variables: Any, prompt: str = "Help {{user}} at {{company}}.", **keys: Any) -> Persona:
    return parse_persona(
        persona_text("one", systemPrompt=prompt, extensions={"variables": variables}, **keys)
    )


def told(of: Persona) -> str:
    return system_message(of, today=TODAY)


def test_defaults_stand_for_placeholders_in_every_text() -> None:
    of = persona({"company": "ACME"}, greeting="Welcome to {{ Company }}.")
    assert told(of) == "Help User at ACME."
    assert greeting(of, today=TODAY) == "Welcome to ACME."


def test_values_win_over_defaults_and_fill_what_nobody_declared() -> None:
    of = persona({"company": {"default": "ACME", "description": "Where"}}, "{{user}}, {{company}}, {{x}}")
    assert told(with_values(of, {"COMPANY": "Initech", "user": "Ada", "x": "y"})) == "Ada, Initech, y"
    assert declared(with_values(of, {"company": "Initech"})) == (Variable("company", "Initech", "Where"),)
    assert told(with_values(of, {})) == "User, ACME, {{x}}"


def test_a_name_without_a_value_stays_as_it_is() -> None:
    of = persona({"company": "", "topic": None}, "{{company}} {{topic}}")
    assert told(of) == "{{company}} {{topic}}"
    assert told(with_values(of, {"company": ""})) == "{{company}} {{topic}}"


@pytest.mark.parametrize(
    "value", ["{{user}}", "{{company}}", "\0" + "0\0", "{{", "\\1 \\g<0>", "{{random::a::b}}"]
)
def test_a_value_is_text_and_nothing_in_it_is_replaced(value: str) -> None:
    of = with_values(persona({"company": "x"}, "{{company}}"), {"company": value})
    assert told(of) == value.replace("\0", "\ufffd")


def test_a_value_works_inside_of_another_macro() -> None:
    assert told(persona({"word": "abc"}, "{{reverse::{{word}}}}")) == "cba"


@pytest.mark.parametrize(
    "odd", [[], "x", 7, None, {"a b": "x"}, {"": "x"}, {"a": True}, {"a": []}, {"a": {"default": []}}]
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(odd: Any) -> None:
    assert declared(persona(odd)) == ()


@given(json_values)
def test_whatever_stands_there_a_prompt_comes_of_it(odd: Any) -> None:
    of = persona(odd, "x {{a}}")
    assert told(of).startswith("x ")
    assert len(declared(of)) <= MOST_VARIABLES


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=5))
def test_only_names_are_taken_from_a_caller(given_values: dict[str, str]) -> None:
    of = with_values(persona({}), given_values)
    assert set(values(of)) <= {name.lower() for name in given_values}


def test_size_is_bounded() -> None:
    filled = fill("{{a}}" * 6_000, Values(char="x", own={"a": "y" * 8_000}))
    assert len(filled) <= MOST_OWN_CHARACTERS + 6_000 * len("{{a}}")


def test_the_linter_knows_declared_names_and_offers_to_declare_others(linter: Any) -> None:
    text = text_of(systemPrompt="At {{company}}.")
    finding = next(each for each in linter.lint(text) if each.code == "placeholder-unfilled")
    assert finding.fix
    assert finding.fix.label == "Make it a variable"
    text = fixed(text, finding.fix)
    assert [each.code for each in linter.lint(text)] == ["variable-without-default"]
    assert linter.lint(text.replace('"company": ""', '"company": "ACME"')) == ()
