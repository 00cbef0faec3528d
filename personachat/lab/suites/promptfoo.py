"""Suites from and to promptfoo's tests. What one of the two doesn't know is left out, and said.

Nothing that a test refers to (`file://`, scripts, packages) is opened or run. Source: promptfoo's
documentation, "Assertions and metrics", "Deterministic metrics", "Model-graded".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from personachat.errors import ImportRefused, SuiteInvalid
from personachat.jsontext.faults import excerpt
from personachat.lab.checks.running import plain
from personachat.lab.suites.model import (
    MOST_CASES,
    MOST_CHECKS,
    MOST_SAID_CHARACTERS,
    Case,
    Check,
    Suite,
    question_of,
)
from personachat.lab.suites.reading import parse_suite
from personachat.personas.formats.promptfoo import write_config
from personachat.personas.formats.promptfoo_tests import is_harmless, is_plain
from personachat.personas.formats.yaml_text import read_yaml
from personachat.personas.persona import Persona

_TEXTS = {
    "contains": "contains",
    "icontains": "contains",
    "contains-all": "contains",
    "icontains-all": "contains",
    "not-contains": "not_contains",
    "not-icontains": "not_contains",
    "not-contains-any": "not_contains",
    "not-icontains-any": "not_contains",
    "starts-with": "begins",
    "regex": "matches",
    "not-regex": "not_matches",
}
"""promptfoo's assertions with texts, and the checks they become."""

_BACK = {
    "contains": "icontains-all",
    "not_contains": "not-icontains-any",
    "begins": "starts-with",
    "matches": "regex",
    "not_matches": "not-regex",
}


def read_promptfoo(text: str, *, persona_id: str) -> tuple[str, tuple[str, ...]]:
    """A suite's text from a promptfoo configuration or a list of its tests, and what was left out.

    Raises ImportRefused if there is nothing to take over.
    """
    value = read_yaml(text)
    tests = value.get("tests") if isinstance(value, dict) else value
    losses: dict[str, None] = {}
    cases: list[dict[str, Any]] = []
    for number, test in enumerate(tests if isinstance(tests, list) else (), 1):
        case = _case(test, number, losses) if isinstance(test, dict) else None
        if case and len(cases) < MOST_CASES:
            cases.append(_named_apart(case, cases))
    if not cases:
        raise ImportRefused(
            "No tests with questions and assertions were found.", hint="Nothing was imported."
        )
    dumped = yaml.safe_dump(
        {"persona": persona_id, "cases": cases}, allow_unicode=True, sort_keys=False, width=100
    )
    return dumped, tuple(losses)


def _case(test: Mapping[str, Any], number: int, losses: dict[str, None]) -> dict[str, Any] | None:
    message = _message(test.get("vars"))
    name = test.get("description")
    name = " ".join(name.split())[:190] if isinstance(name, str) and name.strip() else f"Test {number}"
    asserted = test.get("assert")
    checks = [
        check
        for each in (asserted if isinstance(asserted, list) else ())
        if isinstance(each, dict) and (check := _check(each, losses))
    ]
    if len(message) > MOST_SAID_CHARACTERS:
        losses[f'"{excerpt(name)}" was left out, because its message is too long.'] = None
        return None
    if len(checks) > MOST_CHECKS:
        losses[f'"{excerpt(name)}" has its first {MOST_CHECKS} assertions.'] = None
    if not message:
        losses[f'"{excerpt(name)}" was left out, because it has several variables or reads a file.'] = None
        return None
    if not checks:
        losses[f'"{excerpt(name)}" was left out, because none of its assertions can be converted.'] = None
        return None
    return {"name": name, "say": message, "check": checks[:MOST_CHECKS]}


def _message(variables: Any) -> str:
    """What the person says: the variable `message`, or the only one there is."""
    if not isinstance(variables, dict):
        return ""
    value = variables.get("message", next(iter(variables.values())) if len(variables) == 1 else None)
    return value if isinstance(value, str) and value.strip() and "://" not in value[:10] else ""


def _check(asserted: Mapping[str, Any], losses: dict[str, None]) -> dict[str, Any] | None:
    kind, value, threshold = asserted.get("type"), asserted.get("value"), asserted.get("threshold")
    assertion: dict[str, Any] | None = None
    if kind in _TEXTS:
        assertion = {_TEXTS[str(kind)]: value}
    elif kind in {"is-refusal", "not-is-refusal"}:
        assertion = {"refuses" if kind == "is-refusal" else "not_refuses": True}
    elif kind == "is-json":
        assertion = {"json": value if isinstance(value, dict) else True}
    elif kind == "word-count":
        assertion = {"words": _range(value)}
    elif kind == "latency" and isinstance(threshold, int | float):
        assertion = {"seconds": {"at_most": threshold / 1000}}
    elif kind == "cost" and isinstance(threshold, int | float):
        assertion = {"cost": {"at_most": threshold}}
    elif kind == "llm-rubric" and isinstance(value, str):
        assertion = {"judge": f"Does the reply meet this requirement: {value.strip()}"}
    if assertion is not None and _is_valid(assertion):
        return assertion
    losses[f'Assertions of the type "{excerpt(kind)}" were left out.'] = None
    return None


def _range(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = {"min": "at_least", "max": "at_most"}
    return {names[name]: number for name, number in value.items() if name in names}


def _is_valid(check: Mapping[str, Any]) -> bool:
    if any(isinstance(each, str) and "{{" in each for each in check.values()):
        return False
    case = {"name": "n", "say": "s", "check": [check]}
    try:
        parse_suite(json.dumps({"persona": "p", "cases": [case]}))
    except SuiteInvalid:
        return False
    return True


def _named_apart(case: dict[str, Any], cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    other_names = {each["name"] for each in cases}
    name, number = case["name"], 2
    while case["name"] in other_names:
        case["name"], number = f"{name} ({number})", number + 1
    return case


def write_promptfoo(suite: Suite, persona: Persona, *, today: str) -> tuple[str, tuple[str, ...]]:
    """A promptfoo configuration of a persona and its suite, and in sentences what it can't hold."""
    text, persona_losses = write_config(persona, today=today)
    losses = dict.fromkeys(persona_losses)
    tests = [test for case in suite.cases if (test := _test(case, losses))]
    head = text[: text.rindex("\ntests:\n")]
    lines = [f"  - {json.dumps(test, ensure_ascii=True)}" for test in tests]
    return "\n".join([head, "tests:" if lines else "tests: []", *lines, ""]), tuple(losses)


def _test(case: Case, losses: dict[str, None]) -> dict[str, Any] | None:
    if case.turns:
        losses["Cases with earlier turns were left out: promptfoo asks one question at a time."] = None
        return None
    asserted = []
    for check in case.check:
        assertion = _asserted(check)
        if not assertion:
            losses[f'promptfoo has no check like "{check.kind}"; it was left out.'] = None
        asserted += assertion
    test = {"description": case.name, "vars": {"message": case.say}, "assert": asserted}
    if not asserted or not is_plain(case.say or "") or not is_plain(case.name) or not is_harmless(test):
        losses["Cases that promptfoo would read as templates or files, or without checks, were left out."] = (
            None
        )
        return None
    return test


def _asserted(check: Check) -> list[dict[str, Any]]:
    """A check as promptfoo's assertion; empty where it has none like it."""
    kind, value = check.kind, plain(check.expected)
    assertion: dict[str, Any] | None = None
    if kind in {"matches", "not_matches"} or (kind == "begins" and isinstance(value, str)):
        assertion = {"type": _BACK[kind], "value": value}
    elif kind in {"contains", "not_contains"}:
        assertion = {"type": _BACK[kind], "value": value if isinstance(value, list) else [value]}
    elif kind in {"refuses", "not_refuses"}:
        assertion = {"type": "is-refusal" if value is (kind == "refuses") else "not-is-refusal"}
    elif kind == "json" and value is not False:
        assertion = {"type": "is-json"} | ({"value": value} if isinstance(value, dict) else {})
    elif kind == "words":
        exact = {"min": value, "max": value}
        assertion = {
            "type": "word-count",
            "value": exact if isinstance(value, int) else _promptfoo_range(value),
        }
    elif kind in {"seconds", "cost"} and set(value) == {"at_most"}:
        factor = 1000 if kind == "seconds" else 1
        assertion = {"type": "latency" if kind == "seconds" else kind, "threshold": value["at_most"] * factor}
    elif kind == "judge":
        question = question_of(check)
        expected = "yes" if question.expect else "no"
        assertion = {"type": "llm-rubric", "value": f"{question.question} (The answer is {expected}.)"}
    return [assertion] if assertion else []


def _promptfoo_range(limits: Mapping[str, Any]) -> dict[str, Any]:
    names = {"at_least": "min", "at_most": "max"}
    return {names[name]: number for name, number in limits.items()}
