"""Runs a case's checks on one reply, except those of a judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from personachat.lab.checks import counting, formats, languages, leaks, phrases, wording
from personachat.lab.checks.model import CheckedReply, CheckResult, Finding
from personachat.lab.checks.own import OwnChecks
from personachat.lab.suites.model import Check

JUDGE = "judge"

_Run: TypeAlias = Callable[[CheckedReply, Any], Finding]

PLAIN: Mapping[str, _Run] = {
    "contains": wording.contains,
    "not_contains": wording.not_contains,
    "matches": wording.matches,
    "not_matches": wording.not_matches,
    "begins": wording.begins,
    "ends": wording.ends,
    "words": counting.words,
    "sentences": counting.sentences,
    "questions": counting.questions,
    "language": languages.language,
    "json": formats.json_,
    "markdown": formats.markdown,
    "emoji": counting.emoji,
    "refuses": phrases.refuses,
    "not_refuses": phrases.not_refuses,
    "banned": phrases.banned,
    "stays_in_role": phrases.stays_in_role,
    "no_prompt_leak": leaks.no_prompt_leak,
    "tokens": counting.tokens,
    "seconds": counting.seconds,
    "cost": counting.cost,
}
"""Every built-in check without a judge, by its name in a suite."""


def run_checks(reply: CheckedReply, checks: Sequence[Check], own: OwnChecks) -> list[CheckResult]:
    """The results of the checks that need no judge, in the order of the case."""
    return [_run(reply, check, own) for check in checks if check.kind != JUDGE]


def _run(reply: CheckedReply, check: Check, own: OwnChecks) -> CheckResult:
    run = own.run if check.kind == "own" else PLAIN[check.kind]
    return CheckResult(check.kind, plain(check.expected), run(reply, check.expected))


def plain(expected: Any) -> Any:
    """The expectation of a check, as JSON."""
    if isinstance(expected, BaseModel):
        return expected.model_dump(mode="json", exclude_none=True)
    return list(expected) if isinstance(expected, tuple) else expected
