"""What is known of a run at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from personachat.lab.labels import Agreement
from personachat.lab.pair_labels import PairAgreement
from personachat.lab.runs.model import Run
from personachat.lab.runs.scoring import Comparison, Score
from personachat.lab.suites.model import Suite


@dataclass(frozen=True, slots=True)
class JudgeTrust:
    """How far people agree with a judge on a question that it answered in a run."""

    question: str
    judge: str
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class PairJudgeTrust:
    """The same of a judge that compared replies; `judge` is "" where nobody had to be asked."""

    question: str
    judge: str
    agreement: PairAgreement


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run, what it has come to by now, and what changed since the one before it."""

    run: Run
    suite: Suite
    score: Score
    before: Run | None = None
    comparison: Comparison | None = None
    judges: tuple[JudgeTrust, ...] = ()
    pair_judges: tuple[PairJudgeTrust, ...] = ()
