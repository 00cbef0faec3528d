"""What is known of a run at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from personachat.lab.runs.model import Run
from personachat.lab.runs.scoring import Comparison, Score
from personachat.lab.suites.model import Suite


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run, what it has come to by now, and what changed since the one before it."""

    run: Run
    suite: Suite
    score: Score
    before: Run | None = None
    comparison: Comparison | None = None
