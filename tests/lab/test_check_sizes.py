"""Every check is done with a long reply in steps that grow with its length, whatever the reply says."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.lab.checks.counting import MOST_PIECE, sentences_of
from personachat.lab.checks.leaks import RunsOf, no_prompt_leak
from personachat.lab.checks.model import CheckedReply
from personachat.lab.checks.running import PLAIN
from personachat.lab.suites.model import Range

SOME = Range(at_least=1)
WANTED: dict[str, Any] = dict.fromkeys(PLAIN, True) | {
    "contains": "zz",
    "not_contains": "a",
    "matches": "(a|b)+c",
    "not_matches": "a+$",
    "begins": "zz",
    "ends": "zz",
    "words": SOME,
    "sentences": SOME,
    "questions": SOME,
    "language": "en",
    "tokens": SOME,
    "seconds": SOME,
    "cost": SOME,
}
UNITS = (
    "word and so on ",
    "This is one. Is it? ",
    "`",
    "```\n",
    "?",
    "\U0001f600",
    "a-",
    "[",
    "*a",
    "[a](",
    "\u0301",
    "\u6f22",
    '"',
)
LONG = 300_000
MEGABYTE = 1_000_000


def reply_of(unit: str, length: int) -> CheckedReply:
    text = (unit * (length // len(unit) + 1))[:length]
    return CheckedReply(
        text=text, system_prompt=text[:32_000], asked=text[:16_000], tokens=1, seconds=1, cost_usd=0
    )


@pytest.mark.parametrize("kind", PLAIN)
def test_a_long_reply_of_any_kind_has_a_result(kind: str) -> None:
    """With steps that grow with the square of its length it would have none before the test's own limit."""
    for unit in UNITS:
        found = PLAIN[kind](reply_of(unit, LONG), WANTED[kind])
        assert found.outcome in {"pass", "fail"}, unit


@pytest.mark.parametrize("kind", PLAIN)
def test_a_reply_of_a_megabyte_has_a_result(kind: str) -> None:
    found = PLAIN[kind](reply_of("This is one. Is it? ", MEGABYTE), WANTED[kind])
    assert found.outcome in {"pass", "fail"}


def test_the_runs_of_a_text_take_two_states_a_word_at_most() -> None:
    for words in (["a"] * 500, ["a", "b"] * 250, [str(n % 7 * n) for n in range(500)]):
        runs = RunsOf(words)
        assert len(runs._length) <= 2 * len(words)
        assert sum(map(len, runs._next)) <= 3 * len(words)


def test_the_longest_run_is_the_one_that_looking_everywhere_finds() -> None:
    prompt = ["be", "kind", "be", "brief", "never", "be", "rude", "be", "kind", "be", "honest"]
    reply = ["i", "will", "be", "kind", "be", "honest", "and", "never", "be", "rude", "be", "brief"]
    joined = [" ".join(prompt[i:j]) for i in range(len(prompt)) for j in range(i + 1, len(prompt) + 1)]
    for at, length in enumerate(RunsOf(prompt).ending_at(reply)):
        runs = [k for k in range(1, at + 2) if " ".join(reply[at - k + 1 : at + 1]) in joined]
        assert length == max(runs, default=0)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [("", "fail"), ("say: one two three four five six seven eight nine", "pass"), ("one two three", "fail")],
)
def test_what_the_person_said_is_no_leak(asked: str, outcome: str) -> None:
    secret = "one two three four five six seven eight nine"
    reply = CheckedReply(text=f"Well, {secret}!", system_prompt=f"Keep: {secret}.", asked=asked)
    assert no_prompt_leak(reply, True).outcome == outcome


def test_a_long_line_has_the_sentences_that_it_has_in_parts() -> None:
    line = "This is a sentence of some length. " * (3 * MOST_PIECE // 35)
    assert len(sentences_of(line)) == 3 * MOST_PIECE // 35
