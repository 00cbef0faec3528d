"""The results of a run's comparisons of replies. Pure.

Shares are of all replies that were to be compared: errors and missing ones are in the denominator. The flip
rate is of the pairs that the judge answered in both orders; others say nothing about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from personachat.lab.runs.model import Cell, Preference, Run
from personachat.lab.runs.scoring import Score, Share
from personachat.lab.suites.model import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """`before` are the replies compared with, `after` those of the run."""

    planned: int
    after: int
    before: int
    ties: int
    errors: int
    """Pairs without a verdict."""
    asked: int
    """Pairs that a judge answered in both orders."""
    flips: int

    @property
    def better(self) -> Share:
        return Share(self.after, self.planned)

    @property
    def worse(self) -> Share:
        return Share(self.before, self.planned)

    @property
    def flip_rate(self) -> Share:
        return Share(self.flips, self.asked)

    @property
    def sentence(self) -> str:
        """One sentence or two."""
        sentence = (
            f"Better in {self.better.in_words}, worse in {self.worse.in_words}, "
            f"{self.ties:,} {'tie' if self.ties == 1 else 'ties'}."
        )
        missing = self.planned - self.after - self.before - self.ties
        if missing:
            sentence += f" {missing:,} without a verdict."
        if self.asked:
            sentence += f" The order changed the verdict in {self.flip_rate.in_words}, which count as ties."
        return sentence


def score_pairs(score: Score) -> PairScore | None:
    """None if nothing was compared."""
    pairs = [cell.pair for case in score.cases for cell in case.cells if cell.pair]
    if not pairs:
        return None

    def count(verdict: Preference | None) -> int:
        return sum(pair.verdict == verdict for pair in pairs)

    return PairScore(
        planned=sum(case.planned for case in score.cases),
        after=count("after"),
        before=count("before"),
        ties=count("tie"),
        errors=count(None),
        asked=sum(len(pair.answers) == 2 for pair in pairs),
        flips=sum(len(pair.answers) == 2 and pair.flipped for pair in pairs),
    )


def judges_of(score: Score) -> tuple[str, ...]:
    """Who compared the replies of a run; usually one, and "" if no call was necessary."""
    judges = [cell.pair.judge for case in score.cases for cell in case.cells if cell.pair]
    return tuple(dict.fromkeys(each for each in judges if each)) or ("",)


def references(run: Run, suite: Suite) -> dict[tuple[int, int], str]:
    """The recorded replies, for every attempt of their cases."""
    return {
        (number, attempt): case.reference
        for number, case in enumerate(suite.cases)
        for attempt in range(suite.repeats(case, run.repeat))
    }


def replies_by_name(suite: Suite, other: Suite, cells: Sequence[Cell]) -> dict[tuple[int, int], str]:
    """The replies of another suite's run, in the places of cases with the same names in this one."""
    numbers = {case.name: number for number, case in enumerate(suite.cases)}
    return {
        (number, cell.attempt): cell.reply
        for cell in cells
        if not cell.error and (number := numbers.get(other.cases[cell.case_number].name)) is not None
    }
