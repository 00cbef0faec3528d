"""What runs are started with in tests, and how their cases ended."""

from __future__ import annotations

from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests

WISH = RunWish(persona_id="tester")


def states(tests: Tests, run_id: str) -> dict[str, str]:
    return {case.name: case.state for case in tests.runs.report(run_id).score.cases}


JUDGED = """\
persona: tester
repeat: 1
cases:
  - name: kind
    say: Hi
    check:
      - judge: Is the reply kind?
"""
