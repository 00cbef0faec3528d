"""Runs whose suite is written for them: replays, sweeps, adherence and stress talks."""

from __future__ import annotations

from dataclasses import dataclass

from personachat.lab.runs.options import PLAIN_RUN, RunKind, RunOptions
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite


@dataclass(frozen=True, slots=True)
class Experiment:
    """The suite's text and what the runner needs besides it."""

    kind: RunKind
    suite_text: str
    options: RunOptions = PLAIN_RUN

    @property
    def suite(self) -> Suite:
        return parse_suite(self.suite_text)
