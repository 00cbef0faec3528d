"""Suites come from promptfoo's tests and go there; what doesn't fit is said."""

from __future__ import annotations

import pytest

from personachat.errors import ImportRefused
from personachat.lab.suites.promptfoo import read_promptfoo, write_promptfoo
from personachat.lab.suites.reading import parse_suite
from personachat.personas.formats.yaml_text import read_yaml
from personachat.personas.persona import parse_persona
from tests.conftest import persona_text

CONFIG = """\
prompts: ["You are a tutor. {{message}}"]
tests:
  - description: Capital
    vars: { message: What is the capital of France? }
    assert:
      - { type: icontains, value: Paris }
      - { type: not-contains, value: London }
      - { type: word-count, value: { max: 20 } }
      - { type: latency, threshold: 5000 }
      - { type: llm-rubric, value: "is polite" }
      - { type: javascript, value: "process.exit()" }
  - vars: { question: "Hi" }
    assert: [{ type: regex, value: "(?=x)y" }, { type: is-refusal }]
  - description: File
    vars: { message: "file://secret.txt" }
    assert: [{ type: contains, value: x }]
  - description: Capital
    vars: { message: Again }
    assert: [{ type: is-json }]
"""


def test_tests_of_promptfoo_become_cases_and_what_is_left_out_is_said() -> None:
    text, losses = read_promptfoo(CONFIG, persona_id="tester")
    suite = parse_suite(text)
    assert [case.name for case in suite.cases] == ["Capital", "Test 2", "Capital (2)"]
    assert [check.kind for check in suite.cases[0].check] == [
        "contains",
        "not_contains",
        "words",
        "seconds",
        "judge",
    ]
    assert [check.kind for check in suite.cases[1].check] == ["refuses"]
    said = " ".join(losses)
    assert all(word in said for word in ('"javascript"', '"regex"', '"File"'))


@pytest.mark.parametrize("text", ["", "a: 1", "tests: []", "[1, 2]", "tests: [{vars: {a: b}}]"])
def test_a_file_without_tests_is_refused(text: str) -> None:
    with pytest.raises(ImportRefused):
        read_promptfoo(text, persona_id="tester")


def test_what_is_longer_than_a_suite_may_be_is_left_out_and_said() -> None:
    many = "".join("      - { type: contains, value: x }\n" for _ in range(60))
    tests = (
        f"tests:\n  - description: many\n    vars: {{ a: Hi }}\n    assert:\n{many}"
        f"  - description: long\n    vars: {{ a: '{'x' * 100_001}' }}\n    assert: [{{ type: is-json }}]\n"
    )
    text, losses = read_promptfoo(tests, persona_id="tester")
    assert [(case.name, len(case.check)) for case in parse_suite(text).cases] == [("many", 50)]
    assert losses == (
        '"many" has its first 50 assertions.',
        '"long" was left out, because its message is too long.',
    )


def test_a_suite_comes_back_from_promptfoo() -> None:
    text, _ = read_promptfoo(CONFIG, persona_id="tester")
    suite, persona = parse_suite(text), parse_persona(persona_text())
    written, _ = write_promptfoo(suite, persona, today="2026-01-02")
    assert read_yaml(written)["providers"]
    again, _ = read_promptfoo(written, persona_id="tester")
    kinds = [[check.kind for check in case.check] for case in suite.cases]
    assert [[check.kind for check in case.check] for case in parse_suite(again).cases] == kinds


def test_what_promptfoo_would_run_or_cannot_hold_is_left_out_and_said() -> None:
    suite = parse_suite(
        """\
persona: tester
cases:
  - { name: template, say: "{{env.SECRET}}", check: [{ contains: a }] }
  - { name: turns, turns: [{ user: a }, { assistant: b }, { user: c }], check: [{ contains: a }] }
  - { name: own, say: Hi, check: [{ language: de }, { contains: "file://x" }, { words: 3 }] }
  - { name: fine, say: Hi, check: [{ language: de }, { words: 3 }] }
"""
    )
    written, losses = write_promptfoo(suite, parse_persona(persona_text()), today="2026-01-02")
    assert [test["description"] for test in read_yaml(written)["tests"]] == ["fine"]
    assert "SECRET" not in written
    assert any("earlier turns" in loss for loss in losses)
    assert any('"language"' in loss for loss in losses)
