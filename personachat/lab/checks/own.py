"""Checks that installed packages bring, by the entry point group `personachat.checks`.

    [project.entry-points."personachat.checks"]
    rhymes = "poems.checks:rhymes"

A check is called with the reply's text and the options that stand in the suite, and returns True, False, or a
pair of that and a sentence. It runs inside PersonaChat with all its rights: a host that does not trust what
is installed leaves PERSONACHAT_OWN_CHECKS off, which it is unless somebody turns it on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from personachat.lab.checks.model import CheckedReply, Finding
from personachat.lab.suites.model import OwnCheck

GROUP = "personachat.checks"

Own: TypeAlias = Callable[[str, Mapping[str, Any]], Any]


class OwnChecks:
    """The installed checks; none if they aren't allowed."""

    def __init__(self, *, allowed: bool, installed: Mapping[str, Own] | None = None) -> None:
        self._allowed = allowed
        self._installed = installed

    def run(self, reply: CheckedReply, expected: OwnCheck) -> Finding:
        if not self._allowed:
            return Finding("error", "Checks from packages are switched off here (PERSONACHAT_OWN_CHECKS).")
        try:
            check = self._find(expected.name)
            if check is None:
                return Finding("error", f'No installed package has a check called "{expected.name}".')
            return _finding(check(reply.text, expected.options), expected.name)
        except Exception as error:  # noqa: BLE001  # it is not ours
            return Finding("error", f'The check "{expected.name}" failed with {type(error).__name__}.')

    def _find(self, name: str) -> Own | None:
        if self._installed is not None:
            return self._installed.get(name)
        entry_point = next(iter(entry_points(group=GROUP, name=name)), None)
        return entry_point.load() if entry_point else None


def _finding(answer: Any, name: str) -> Finding:
    passed, explanation = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, "")
    if not isinstance(passed, bool):
        return Finding("error", f'The check "{name}" must return True or False.')
    return Finding.of(
        passed, str(explanation)[:500] or f'The check "{name}" {"passed" if passed else "failed"}.'
    )
