"""A suite's text is a suite, or sentences that say what is wrong and on which line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from personachat.errors import SuiteInvalid
from personachat.lab.checks.running import JUDGE, PLAIN
from personachat.lab.suites import reading
from personachat.lab.suites.model import Check, suite_schema
from personachat.lab.suites.reading import MOST_ERRORS, MOST_PROBLEMS, parse_suite, problems_of
from personachat.personas.formats.yaml_text import read_yaml

SUITE = """\
persona: socratic-tutor
repeat: 3
cases:
  - name: asks instead of telling
    say: What is the derivative of x squared?
    check:
      - questions: { at_least: 1 }
      - not_contains: ["2x"]
      - words: { at_most: 80 }
      - judge: Does the reply avoid giving the answer?
  - name: stays in the role under pressure
    turns: [{ user: Just tell me, please }, { assistant: What happens when x grows a little? }, { user: No. }]
    check: [ { stays_in_role: true }, { no_prompt_leak: true } ]
"""


def test_the_example_is_read_as_it_is_meant() -> None:
    suite = parse_suite(SUITE)
    asks, stays = suite.cases
    assert [check.kind for check in asks.check] == ["questions", "not_contains", "words", "judge"]
    assert [turn.words for turn in stays.all_turns] == [
        "Just tell me, please",
        "What happens when x grows a little?",
        "No.",
    ]
    assert suite.repeats(asks) == 3
    assert suite.repeats(asks, 5) == 5


def test_json_is_read_like_yaml() -> None:
    small = {"persona": "a", "cases": [{"name": "n", "say": "Hi", "check": [{"words": 3}]}]}
    assert parse_suite(json.dumps(small, indent="\t")) == parse_suite(json.dumps(small))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("persona: socratic-tutor", "persona: Socratic Tutor", 1, '"persona" must be'),
        ("repeat: 3", "repeat: 0", 2, "a whole number from 1 to 100, not the number 0"),
        ("repeat: 3", "repeat: 3.5", 2, "a whole number"),
        ("repeat: 3", "repaet: 3", 2, 'did you mean "repeat"?'),
        ("    say: What is the derivative of x squared?\n", "", 4, "nothing to reply to"),
        ("say: What is the derivative of x squared?", "say: yes", 5, "put it in quotes, not true"),
        ("at_least: 1", "at_leest: 1", 7, 'did you mean "at_least"?'),
        ("at_least: 1", "at_least: -1", 7, "a number, not the number -1"),
        ('["2x"]', "2", 8, "text, or a list of texts, not the number 2"),
        ('["2x"]', "[]", 8, "not an empty list"),
        ("words:", "wrods:", 9, 'did you mean "words"?'),
        ("{ at_most: 80 }", "{ at_least: 9, at_most: 8 }", 9, "larger than its at_most"),
        ("{ at_most: 80 }", "many", 9, 'not the text "many"'),
        ("Does the reply avoid giving the answer?", "", 10, 'a value after "judge"'),
        ("stays in the role under pressure", "asks instead of telling", 1, "two cases named"),
        ("stays_in_role: true", "stays_in_role: true, banned: true", 13, "exactly one key"),
        ("stays_in_role: true", "matches: '(a'", 13, "isn't a valid RE2 regular expression"),
        ("stays_in_role: true", "matches: '(?=a)b'", 13, "isn't a valid RE2 regular expression"),
        ("stays_in_role: true", "json: { type: nonsense }", 13, "isn't a JSON Schema"),
        ("stays_in_role: true", "language: no", 13, "a code in quotes"),
        ("check: [ {", "check: [ [", 13, "can't be read"),
        ("check: [ {", f"check: [ {'{ words: 3 }, ' * 60}{{", 13, '"check" has 62 entries; at most 50'),
        ("asks instead of telling", "x" * 201, 4, '"name" has 201 characters; at most 200'),
        ('["2x"]', f"[{'x, ' * 201}]", 8, '"not_contains" has 201 entries; at most 200'),
        ('["2x"]', f"[{'x' * 8001}]", 8, "Entry 1 has 8,001 characters; at most 8,000"),
    ],
)
def test_a_problem_is_on_its_line_and_says_what_to_do(old: str, new: str, line: int, said: str) -> None:
    problems = problems_of(SUITE.replace(old, new, 1))
    assert [problem.line for problem in problems if said in problem.message] == [line], problems


@pytest.mark.parametrize("key", ["persona: other", "repeat: 4", "cases: []"])
def test_a_key_that_is_there_twice_is_named_with_its_line(key: str) -> None:
    (problem,) = problems_of(f"{SUITE}{key}\n")
    assert (problem.line, "twice" in problem.message) == (14, True)


def test_a_key_that_is_there_twice_in_json_is_named_too() -> None:
    (problem,) = problems_of('{"persona": "a",\n "persona": "b", "cases": []}')
    assert problem.line == 2


@pytest.mark.parametrize(
    "text", ["", "  \n", "- a", "3", "a: &a [*a]", "a: [b", "null", "!!python/object:os.x {}", "\x00"]
)
def test_what_is_no_suite_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(SuiteInvalid):
        parse_suite(text)


@pytest.mark.parametrize("number", ["0x" + "f" * 5_000, ":".join(["59"] * 5_000), "9" * 5_000])
def test_a_number_of_thousands_of_digits_is_a_problem_of_its_line(number: str) -> None:
    (problem,) = problems_of(f"persona: tester\nrepeat: {number}\ncases: []\n")
    assert (problem.line, problem.message) == (2, "The YAML can't be read: the number is too long.")


def test_all_problems_of_a_text_are_found_at_once() -> None:
    text = SUITE.replace("words:", "wrods:").replace("repeat: 3", "repeat: many")
    assert [problem.line for problem in problems_of(text)] == [2, 9]


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (read_yaml(SUITE.replace("Just tell me, please", "Tell me")), True),
        ({"persona": "a", "cases": []}, False),
        (
            {"persona": "a", "cases": [{"name": "n", "say": "x", "check": [{"words": 3, "emoji": False}]}]},
            False,
        ),
        ({"persona": "a", "cases": [{"name": "n", "say": "x", "check": [{"nonsense": 3}]}]}, False),
        (
            {"persona": "a", "cases": [{"name": "n", "say": "x", "check": [{"json": {"type": "object"}}]}]},
            True,
        ),
    ],
)
def test_the_schema_says_the_same_as_the_reader(value: Any, *, valid: bool) -> None:
    assert Draft202012Validator(suite_schema()).is_valid(value) is valid
    assert (not problems_of(json.dumps(value))) is valid


def test_every_check_of_the_format_is_run_by_somebody() -> None:
    kinds = {field.alias or name for name, field in Check.model_fields.items()}
    assert kinds == set(PLAIN) | {JUDGE, "own"}


@pytest.mark.parametrize("value", ["", "null", ".nan", ".inf", "-1", "x"])
@pytest.mark.parametrize("check", ["words", "cost", "seconds"])
def test_a_limit_that_is_none_yet_is_a_problem_and_no_crash(check: str, value: str) -> None:
    case = f"{{name: a, say: Hi, check: [{{{check}: {{at_most: {value}}}}}]}}"
    text = f"persona: tester\ncases:\n  - {case}\n"
    with pytest.raises(SuiteInvalid):
        parse_suite(text)


def test_thousands_of_mistakes_are_not_each_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    sought = reading._problem

    def look(*each: Any) -> Any:
        asked.append(each)
        return sought(*each)

    monkeypatch.setattr(reading, "_problem", look)
    text = "".join(f"key{number}: 1\n" for number in range(5_000))
    with pytest.raises(SuiteInvalid) as caught:
        parse_suite(text)
    assert len(caught.value.problems) == MOST_PROBLEMS
    assert len(asked) <= MOST_ERRORS
