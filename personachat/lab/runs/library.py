"""Runs, as the people who started them read and end them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from personachat.errors import SuiteRunNotFound
from personachat.lab.labels import Labels
from personachat.lab.pair_labels import PairLabelling
from personachat.lab.runs.model import Cell, Run
from personachat.lab.runs.options import RunKind
from personachat.lab.runs.pairs import judges_of
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.reports import JudgeTrust, PairJudgeTrust, RunReport
from personachat.lab.runs.runner import LiveRun, SuiteRunner
from personachat.lab.runs.scoring import Score, compare, models_of, score
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite

ENDING_SECONDS = 5.0
"""Seconds that a deleted run may take to end."""


@dataclass(frozen=True, slots=True)
class Underway:
    """An active run, with its cells so far."""

    run: Run
    suite: Suite
    cells: Sequence[Cell]


def judges_in(scored: Score, labels: Labels, *, owner: str) -> tuple[JudgeTrust, ...]:
    """Each question with each judge that answered it in a run, and how well its owner's labels agree."""
    answers = [answer for case in scored.cases for cell in case.cells for answer in cell.judged]
    pairs = dict.fromkeys((answer.question, answer.judge) for answer in answers if answer.judge)
    return tuple(
        JudgeTrust(question, judge, labels.agreement(owner, question=question, judge=judge))
        for question, judge in pairs
    )


class RunLibrary:
    """Methods raise what the database raises besides what they say."""

    def __init__(
        self, records: SqlRuns, runner: SuiteRunner, labels: Labels, pairs: PairLabelling, *, owner: str
    ) -> None:
        self._records = records
        self._runner = runner
        self._labels = labels
        self._pairs = pairs
        self._owner = owner

    def is_there(self, run_id: str) -> bool:
        """Whether they have a run with this id by now."""
        with suppress(SuiteRunNotFound):
            self._records.get(run_id, self._owner)
            return True
        return False

    def cancel(self, run_id: str) -> bool:
        """End a run, soon if another process drives it; complete replies stay. False if it is over.

        Raises SuiteRunNotFound.
        """
        self._records.get(run_id, self._owner)
        return self._runner.cancel(run_id) or self._records.ask_to_end(run_id, self._owner)

    def live(self, run_id: str) -> LiveRun | None:
        """A run of theirs that is active in this process."""
        live_run = self._runner.find(run_id)
        return live_run if live_run and live_run.plan.run.owner == self._owner else None

    def underway(self, run_id: str) -> Underway | None:
        """A run of theirs that is active in this process or another; None for any other."""
        if live := self.live(run_id):
            return None if live.over else Underway(live.plan.run, live.plan.suite, list(live.cells))
        with suppress(SuiteRunNotFound):
            run = self._records.get(run_id, self._owner)
            if run.state == "running":
                return Underway(run, parse_suite(run.suite_text), self._records.cells(run_id))
        return None

    def delete(self, run_id: str) -> None:
        """Raises SuiteRunNotFound; an active run is cancelled first."""
        live = self.live(run_id)
        self.cancel(run_id)
        if live:
            live.wait_over(timeout_seconds=ENDING_SECONDS)
        self._records.delete(run_id, self._owner)

    def of(
        self, persona_id: str | None = None, *, kind: RunKind = "suite", limit: int = 50
    ) -> tuple[Run, ...]:
        """Runs of a kind, of one persona or of all, newest first."""
        return self._records.of(self._owner, persona_id, limit=limit, kind=kind)

    def passes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """How many replies passed in each of their runs."""
        return self._records.passes(run_ids, self._owner)

    def report(self, run_id: str, *, before: str | None = None) -> RunReport:
        """A run with its results, compared with another or the one before it. Raises SuiteRunNotFound."""
        run = self._records.get(run_id, self._owner)
        suite = parse_suite(run.suite_text)
        now_scored = score(run, suite, self.cells(run))
        earlier = self._records.get(before, self._owner) if before else None
        if earlier is None and run.kind == "suite":
            earlier = self._before(run)
        if earlier is None:
            return self._with_judges(RunReport(run, suite, now_scored))
        old = score(earlier, parse_suite(earlier.suite_text), self.cells(earlier))
        models = models_of(old), models_of(now_scored)
        comparison = compare((earlier, old), (run, now_scored), models=models)
        return self._with_judges(RunReport(run, suite, now_scored, earlier, comparison))

    def _with_judges(self, report: RunReport) -> RunReport:
        question = report.run.options.pairwise
        return replace(
            report,
            judges=judges_in(report.score, self._labels, owner=self._owner),
            pair_judges=tuple(
                PairJudgeTrust(question, judge, self._pairs.agreement(question=question, judge=judge))
                for judge in (judges_of(report.score) if question else ())
            ),
        )

    def cells(self, run: Run) -> Sequence[Cell]:
        live = self.live(run.id)
        return list(live.cells) if live else self._records.cells(run.id)

    def _before(self, run: Run) -> Run | None:
        earlier = [
            each for each in self.of(run.persona_id) if each.began_at < run.began_at and each.id != run.id
        ]
        whole = (each for each in earlier if each.state == "finished")
        return next(whole, earlier[0] if earlier else None)
