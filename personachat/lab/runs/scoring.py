"""What a run's cells come to: the state of each case, shares with their intervals, and what changed. Pure.

An error is in every denominator, and so is what is missing: neither is a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from personachat.lab.checks.model import Outcome
from personachat.lab.runs.model import Cell, Run
from personachat.lab.suites.model import Suite
from personachat.usage.intervals import wilson

CaseState: TypeAlias = Literal["pass", "fail", "flaky", "error", "missing"]
Change: TypeAlias = Literal["better", "worse", "same", "new", "missing", "unclear"]

CHANGES: Final[tuple[Change, ...]] = ("worse", "better", "new", "missing", "unclear", "same")
"""In the order in which people want to know of them."""

_RANK: dict[str, int] = {"fail": 0, "flaky": 1, "pass": 2}


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the interval in which the true share lies (95 %)."""

    hits: int
    count: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.count)

    @property
    def in_words(self) -> str:
        """E.g. "9 of 10 (60 to 98 %)"."""
        return f"{self.hits:,} of {self.count:,} ({self.interval_in_words})"

    @property
    def interval_in_words(self) -> str:
        """E.g. "60 to 98 %"."""
        low, high = self.interval
        return f"{low * 100:.0f} to {high * 100:.0f} %"


@dataclass(frozen=True, slots=True)
class LastResult:
    """What a finished run came to: how many cases passed in every repeat."""

    run_id: str
    persona_id: str
    persona_revision: str
    suite_etag: str
    began_at: datetime
    cases: Share
    changed: tuple[str, ...] = ()
    """What is another one since: the persona, its tests."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run with its cells, in the order of attempts."""

    number: int
    name: str
    planned: int
    cells: tuple[Cell, ...]

    @property
    def passes(self) -> int:
        return sum(cell.outcome == "pass" for cell in self.cells)

    @property
    def state(self) -> CaseState:
        return state_of([cell.outcome for cell in self.cells], planned=self.planned)


@dataclass(frozen=True, slots=True)
class Score:
    """All cases of a run."""

    cases: tuple[CaseResult, ...]

    @property
    def whole(self) -> Share:
        """Cases that passed in every repeat: pass^k."""
        return Share(self.count("pass"), len(self.cases))

    @property
    def replies(self) -> Share:
        """Replies that passed."""
        return Share(sum(case.passes for case in self.cases), sum(case.planned for case in self.cases))

    def count(self, state: CaseState) -> int:
        return sum(case.state == state for case in self.cases)

    @property
    def done(self) -> int:
        return sum(len(case.cells) for case in self.cases)

    @property
    def cost_usd(self) -> float | None:
        """What is known of it."""
        costs = [cell.cost_usd for case in self.cases for cell in case.cells if cell.cost_usd is not None]
        return sum(costs) if costs else None

    @property
    def cost_is_whole(self) -> bool:
        """Whether the price of every call is known."""
        return not any(cell.unpriced for case in self.cases for cell in case.cells)

    @property
    def all_passed(self) -> bool:
        return bool(self.cases) and all(case.state == "pass" for case in self.cases)


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case in two runs; None where a run doesn't have it."""

    name: str
    before: CaseState | None
    after: CaseState | None

    @property
    def change(self) -> Change:
        if self.after is None or "missing" in {self.before, self.after}:
            return "missing"
        if self.before is None:
            return "new"
        if "error" in {self.before, self.after}:
            return "same" if self.before == self.after else "unclear"
        step = _RANK[self.after] - _RANK[self.before]
        return "better" if step > 0 else "worse" if step < 0 else "same"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, paired by the names of cases."""

    changes: tuple[CaseChange, ...]
    differing: tuple[str, ...]
    """What else differs than the persona: then the persona may not be the reason."""

    def of(self, change: Change) -> tuple[CaseChange, ...]:
        return tuple(each for each in self.changes if each.change == change)


def changed(result: LastResult, *, persona: str, suite: str) -> tuple[str, ...]:
    """What is another one since; `persona` and `suite` are the etags of now."""
    pairs = (("the persona", result.persona_revision, persona), ("its tests", result.suite_etag, suite))
    return tuple(name for name, before, after in pairs if before != after)


def state_of(outcomes: Sequence[Outcome], *, planned: int) -> CaseState:
    """The state of a case whose repeats came to these outcomes."""
    if "pass" in outcomes and "fail" in outcomes:
        return "flaky"
    if "error" in outcomes:
        return "error"
    if len(outcomes) < planned:
        return "fail" if "fail" in outcomes else "missing"
    return "pass" if "pass" in outcomes else "fail"


def score(run: Run, suite: Suite, cells: Sequence[Cell]) -> Score:
    """The score of what is there by now."""
    cells_by_case: dict[int, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.attempt):
        cells_by_case.setdefault(cell.case_number, []).append(cell)
    return Score(
        tuple(
            CaseResult(
                number, case.name, suite.repeats(case, run.repeat), tuple(cells_by_case.get(number, ()))
            )
            for number, case in enumerate(suite.cases)
        )
    )


def compare(
    before: tuple[Run, Score], after: tuple[Run, Score], *, models: tuple[frozenset[str], frozenset[str]]
) -> Comparison:
    """Pair two runs; `models` are those that answered in each."""
    (earlier, old), (later, new) = before, after
    old_states = {case.name: case.state for case in old.cases}
    new_states = {case.name: case.state for case in new.cases}
    names = dict.fromkeys([*new_states, *old_states])
    changes = tuple(CaseChange(name, old_states.get(name), new_states.get(name)) for name in names)
    differing = [
        what
        for what, differs in (
            ("the suite", earlier.suite_etag != later.suite_etag),
            ("the model", models[0] != models[1] and bool(models[0] and models[1])),
            ("the judge", earlier.judge != later.judge),
            ("the number of repeats", earlier.repeat != later.repeat),
        )
        if differs
    ]
    return Comparison(changes, tuple(differing))


def models_of(score: Score) -> frozenset[str]:
    """Which models answered."""
    return frozenset(
        f"{cell.provider}/{cell.model}" for case in score.cases for cell in case.cells if cell.model
    )
