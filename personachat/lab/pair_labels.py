"""People's labels of pairs: which of two replies is better, and how well a judge agrees with them.

As for single replies, agreement is counted for exactly one wording and one judge, and with fewer than ENOUGH
labels a judge isn't calibrated. People see the two replies in an order that doesn't reveal the newer one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.lab.kappa import beats_chance, in_words, interval, kappa
from personachat.lab.labels import ENOUGH
from personachat.lab.pairwise import VERSION
from personachat.lab.runs.model import PairVerdict, Preference, Run
from personachat.lab.runs.options import EXPERIMENTS, RunKind
from personachat.lab.runs.records import SqlRuns
from personachat.lab.suites.reading import parse_suite
from personachat.lab.testing_tables import test_pair_labels
from personachat.stamps import now
from personachat.usage.intervals import wilson

MOST_RUNS = 10
KINDS: tuple[RunKind, ...] = ("suite", *EXPERIMENTS)
PREFERENCES: tuple[Preference, ...] = ("after", "before", "tie")

Others = Callable[[Run], Mapping[tuple[int, int], str]]
"""The replies that a run's are compared with, by case and attempt; empty if they are gone."""

_l = test_pair_labels.c


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How often people and a judge preferred which; a row for each of the people's PREFERENCES."""

    table: Sequence[Sequence[int]] = ((0, 0, 0), (0, 0, 0), (0, 0, 0))

    @property
    def count(self) -> int:
        return sum(map(sum, self.table))

    @property
    def calibrated(self) -> bool:
        """Whether there are enough labels, of at least two kinds: otherwise chance explains everything."""
        return self.count >= ENOUGH and sum(map(any, self.table)) > 1

    @property
    def kappa(self) -> float | None:
        return kappa(self.table)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of kappa."""
        return interval(self.table)

    @property
    def beats_chance(self) -> bool:
        """Whether they agree more than chance explains."""
        return beats_chance(self.table)

    @property
    def sentence(self) -> str:
        """One sentence for a tooltip and the command line."""
        if not self.count:
            return "Not calibrated: nobody has labelled pairs for this question and judge."
        parts = [f"{self.count} of {ENOUGH} labels" if self.count < ENOUGH else f"{self.count} labels"]
        if words := in_words(self.table):
            parts.append(words)
        wrong = self.count - sum(row[at] for at, row in enumerate(self.table))
        low, high = wilson(wrong, self.count)
        parts.append(f"another preference in {wrong} of {self.count} ({low * 100:.0f} to {high * 100:.0f} %)")
        return f"{'Calibrated' if self.calibrated else 'Not calibrated'}: {', '.join(parts)}."


def pair_agreement(pairs: Iterable[tuple[Preference, Preference]]) -> PairAgreement:
    """Count pairs of a label and a verdict."""
    counts = {(label, verdict): 0 for label in PREFERENCES for verdict in PREFERENCES}
    for pair in pairs:
        counts[pair] += 1
    return PairAgreement(
        tuple(tuple(counts[label, verdict] for verdict in PREFERENCES) for label in PREFERENCES)
    )


@dataclass(frozen=True, slots=True)
class PairToLabel:
    """Two replies that a judge has compared and the owner hasn't."""

    message: str
    before: str
    after: str
    pair: PairVerdict

    @property
    def key(self) -> str:
        """The same in every run with these replies, this question and judge."""
        return _key(VERSION, self.pair.question, self.pair.judge, self.before, self.after)

    @property
    def order(self) -> tuple[Preference, Preference]:
        """Which reply is shown first and which second; always the same."""
        return ("after", "before") if int(self.key[0], 16) % 2 else ("before", "after")

    def text(self, which: Preference) -> str:
        return self.after if which == "after" else self.before


class PairLabelling:
    """One owner's labels of pairs."""

    def __init__(self, records: SqlRuns, database: Database, *, owner: str, others: Others) -> None:
        self._records = records
        self._database = database
        self._owner = owner
        self._others = others

    def due(self, persona_id: str, *, without: Collection[str] = ()) -> tuple[PairToLabel, ...]:
        """The newest runs' pairs to label; `without` are keys of skipped ones."""
        runs = [
            run
            for kind in KINDS
            for run in self._records.of(self._owner, persona_id, limit=MOST_RUNS, kind=kind)
            if run.options.pairwise
        ]
        runs = sorted(runs, key=lambda run: run.began_at, reverse=True)[:MOST_RUNS]
        pairs: dict[str, PairToLabel] = {}
        for item in (item for run in runs for item in self._of(run)):
            pairs.setdefault(item.key, item)
        labelled_keys = self._labelled({item.key for item in pairs.values()})
        return tuple(pairs[key] for key in sorted(pairs) if key not in labelled_keys and key not in without)

    def answer(self, item: PairToLabel, *, label: Preference) -> None:
        """Save which reply is better, replacing an earlier answer."""
        key = {
            "owner": self._owner,
            "question_key": _key(VERSION, item.pair.question),
            "judge": item.pair.judge,
            "pair_key": item.key,
        }
        row = key | {"label": label, "verdict": item.pair.verdict, "saved_at": now()}
        with self._database.write() as connection:
            put(connection, test_pair_labels, row, key=tuple(key), renewed=("label", "verdict", "saved_at"))

    def take_back(self, item: PairToLabel) -> None:
        """Remove the label."""
        mine = (_l.owner == self._owner, _l.pair_key == item.key)
        with self._database.write() as connection:
            connection.execute(delete(test_pair_labels).where(*mine))

    def agreement(self, *, question: str, judge: str) -> PairAgreement:
        """How well a judge agrees with this owner's labels on a question."""
        query = select(_l.label, _l.verdict).where(
            _l.owner == self._owner, _l.question_key == _key(VERSION, question), _l.judge == judge
        )
        with self._database.read() as connection:
            return pair_agreement((row.label, row.verdict) for row in connection.execute(query))

    def _of(self, run: Run) -> Iterable[PairToLabel]:
        cells = [
            cell
            for cell in self._records.cells(run.id)
            if cell.pair and cell.pair.verdict and cell.pair.judge
        ]
        if not cells:
            return
        others, suite = self._others(run), parse_suite(run.suite_text)
        for cell in cells:
            before = others.get((cell.case_number, cell.attempt))
            if before and cell.pair:
                message = cell.asked or suite.cases[cell.case_number].all_turns[-1].words
                yield PairToLabel(message, before, cell.reply, cell.pair)

    def _labelled(self, keys: Collection[str]) -> set[str]:
        ordered, keys_with_label = sorted(keys), set[str]()
        with self._database.read() as connection:
            for at in range(0, len(ordered), 500):
                some: Sequence[str] = ordered[at : at + 500]
                mine = select(_l.pair_key).where(_l.owner == self._owner, _l.pair_key.in_(some))
                keys_with_label |= set(connection.scalars(mine))
        return keys_with_label


def _key(*texts: str) -> str:
    return hashlib.sha256("\0".join(" ".join(text.split()) for text in texts).encode()).hexdigest()
