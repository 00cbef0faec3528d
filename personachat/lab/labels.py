"""People's labels of replies, and how well a judge agrees with them.

A label answers one question about one reply, beside one judge's verdict on it. Agreement is counted for
exactly this wording and this judge: another wording, another model or another version of the judge's
instructions starts from nothing. With fewer than ENOUGH labels, a judge isn't calibrated, whatever the
numbers say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.lab.judge import VERSION
from personachat.lab.kappa import Table, beats_chance, in_words, interval, kappa
from personachat.lab.testing_tables import test_labels
from personachat.stamps import now
from personachat.usage.intervals import wilson

ENOUGH = 30

_l = test_labels.c


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often people and a judge said yes or no: the first letter is the people's, y or n."""

    yes_yes: int = 0
    yes_no: int = 0
    no_yes: int = 0
    no_no: int = 0

    @property
    def count(self) -> int:
        return self.yes_yes + self.yes_no + self.no_yes + self.no_no

    @property
    def calibrated(self) -> bool:
        """Whether there are enough labels of both kinds: otherwise an error rate isn't known."""
        return self.count >= ENOUGH and bool(self.yes_yes + self.yes_no) and bool(self.no_yes + self.no_no)

    @property
    def kappa(self) -> float | None:
        """None if chance alone would always agree, or nothing is labelled."""
        return kappa(self._table)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of kappa."""
        return interval(self._table)

    @property
    def beats_chance(self) -> bool:
        """Whether they agree more than chance explains."""
        return beats_chance(self._table)

    @property
    def wrongly_passed(self) -> tuple[int, int]:
        """The share of people's no that the judge answers with yes."""
        return self.no_yes, self.no_yes + self.no_no

    @property
    def wrongly_failed(self) -> tuple[int, int]:
        """The share of people's yes that the judge answers with no."""
        return self.yes_no, self.yes_yes + self.yes_no

    @property
    def sentence(self) -> str:
        """One sentence for a tooltip and the command line."""
        if not self.count:
            return "Not calibrated: nobody has labelled replies for this question and judge."
        parts = [f"{self.count} of {ENOUGH} labels" if self.count < ENOUGH else f"{self.count} labels"]
        if words := in_words(self._table):
            parts.append(words)
        for name, (hits, count) in (("wrong yes", self.wrongly_passed), ("wrong no", self.wrongly_failed)):
            if count:
                low, high = wilson(hits, count)
                parts.append(f"{name} {hits} of {count} ({low * 100:.0f} to {high * 100:.0f} %)")
        return f"{'Calibrated' if self.calibrated else 'Not calibrated'}: {', '.join(parts)}."

    @property
    def _table(self) -> Table:
        return (self.yes_yes, self.yes_no), (self.no_yes, self.no_no)


def agreement(pairs: Iterable[tuple[bool, bool]]) -> Agreement:
    """Count pairs of a label and a verdict."""
    counts = {(label, verdict): 0 for label in (True, False) for verdict in (True, False)}
    for pair in pairs:
        counts[pair] += 1
    return Agreement(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


class Labels:
    """The labels of all owners. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def set(  # each is a different thing
        self,
        owner: str,
        *,
        question: str,
        judge: str,
        reply: str,
        label: bool,
        verdict: bool,
        replaces: bool = True,
    ) -> None:
        """Save a person's answer about a reply; if it `replaces` an earlier one, in its place."""
        key = {
            "owner": owner,
            "question_key": _key(VERSION, question),
            "judge": judge,
            "reply_key": _key(reply),
        }
        row = key | {"label": label, "verdict": verdict, "saved_at": now()}
        with self.database.write() as connection:
            renewed = ("label", "verdict", "saved_at") if replaces else ()
            put(connection, test_labels, row, key=tuple(key), renewed=renewed)

    def unset(self, owner: str, *, question: str, judge: str, reply: str) -> None:
        """Delete a label, if there is one."""
        about = (_l.question_key == _key(VERSION, question), _l.judge == judge, _l.reply_key == _key(reply))
        with self.database.write() as connection:
            connection.execute(delete(test_labels).where(_l.owner == owner, *about))

    def agreement(self, owner: str, *, question: str, judge: str) -> Agreement:
        """How well a judge agrees with an owner's labels on a question."""
        query = select(_l.label, _l.verdict).where(
            _l.owner == owner, _l.question_key == _key(VERSION, question), _l.judge == judge
        )
        with self.database.read() as connection:
            return agreement((row.label, row.verdict) for row in connection.execute(query))

    def of(self, owner: str, *, question: str, judge: str) -> dict[str, bool]:
        """The labels by the replies' keys; see `reply_key`."""
        query = select(_l.reply_key, _l.label).where(
            _l.owner == owner, _l.question_key == _key(VERSION, question), _l.judge == judge
        )
        with self.database.read() as connection:
            return {row.reply_key: row.label for row in connection.execute(query)}


def reply_key(reply: str) -> str:
    """The key that a label is stored under; it outlives the run."""
    return _key(reply)


def _key(*texts: str) -> str:
    return hashlib.sha256("\0".join(" ".join(text.split()) for text in texts).encode()).hexdigest()
