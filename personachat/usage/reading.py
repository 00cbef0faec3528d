"""The ledger as one person may read it: their own calls, or everybody's for who administers.

Whoever sits at the server's own machine administers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, select, tuple_

from personachat.database.connection import Database
from personachat.database.cursors import cursor_after, place_of
from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.owners import LOCAL_OWNER
from personachat.usage import clocks, sums
from personachat.usage.people import People
from personachat.usage.questions import OpenVotes, UsageQuery
from personachat.usage.records import SqlUsage
from personachat.usage.speeds import UNMEASURED, Speed, speeds, speeds_by
from personachat.usage.sums import Sum
from personachat.usage.tables import NUMBERS, usage_calls

ME = "me"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallPage:
    """Rows, newest first, and where the next page begins."""

    calls: tuple[Mapping[str, Any], ...]
    next_cursor: str | None


class UsageReader:
    """One owner's view; cheap to make. Methods raise what `Database` raises, and UsageQuestionInvalid.

    `settle` writes the calls that have ended, and is called before rows are read.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        *,
        owner: str,
        settle: Callable[[], object] = lambda: None,
        administers: bool | None = None,
        open_votes: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`administers` is whether they see everybody's calls; None is as they sit at this machine.

        `open_votes` are the comparisons in which a blind vote of theirs is open. They are not told of their
        calls of those: models and lengths would tell who wrote what.
        """
        self._database = database
        self._people = people
        self._owner = owner
        self._settle = settle
        self._open_votes = open_votes
        self._administers = owner == LOCAL_OWNER if administers is None else administers

    @property
    def sees_all(self) -> bool:
        return self._administers

    @property
    def withholds(self) -> bool:
        """Whether calls of their own comparisons are left out now."""
        return bool(self._open_votes())

    def summed(
        self, question: UsageQuery, by: Sequence[str], *, numbers: Sequence[str] = NUMBERS
    ) -> tuple[Sum, ...]:
        """The sums of each group; of `numbers` alone, where somebody needs no others."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            return sums.summed(connection, question, by, numbers)

    def total(self, question: UsageQuery) -> Sum:
        question = self._ready(question)
        with self._database.read() as connection:
            return sums.total(connection, question)

    def speeds(self, question: UsageQuery, by: Sequence[str]) -> tuple[Speed, ...]:
        """The middle and the slow end of the times of each group; right within 1 %."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            return speeds(connection, question, by)

    def speeds_by(
        self, question: UsageQuery, groupings: Sequence[Sequence[str]]
    ) -> Sequence[tuple[Speed, ...]]:
        """As `speeds`, for several ways to group the same calls, in less time than one after the other."""
        question = self._ready(question)
        with self._reading_by(question, [name for by in groupings for name in by]) as connection:
            return speeds_by(connection, question, groupings)

    def measured(self, question: UsageQuery, by: Sequence[str]) -> tuple[tuple[Sum, Speed], ...]:
        """The sums of each group, with its speed."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            totals = sums.summed(connection, question, by)
            speed_of = {each.key: each for each in speeds(connection, question, by)}
        return tuple((each, speed_of.get(each.key, UNMEASURED)) for each in totals)

    def measured_total(self, question: UsageQuery) -> tuple[Sum, Speed]:
        """Those of all, also if there are no calls."""
        totals = self.measured(question, ())
        return totals[0] if totals else (sums.NOTHING, UNMEASURED)

    def calls(self, question: UsageQuery, *, limit: int, cursor: str | None = None) -> CallPage:
        """A page of rows, newest first. Raises CursorInvalid."""
        place = None if cursor is None else place_of(cursor)
        question = self._ready(question)
        query = select(usage_calls).where(*question.conditions(usage_calls))
        began_at, call_id = usage_calls.c.began_at, usage_calls.c.id
        if question.begins:
            query = query.where(began_at >= question.begins)
        if question.ends:
            query = query.where(began_at < question.ends)
        if place:
            query = query.where(tuple_(began_at, call_id) < place)
        query = query.order_by(began_at.desc(), call_id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            rows = tuple(dict(row) for row in connection.execute(query).mappings())
        page = rows[:limit]
        more = len(rows) > limit
        return CallPage(page, cursor_after(page[-1]["began_at"], page[-1]["id"]) if more else None)

    def names(self) -> Mapping[str, str]:
        """What people are called, by how the ledger knows them: everybody, or the owner alone."""
        with self._database.read() as connection:
            names = self._people.names(connection)
        if self.sees_all:
            return names
        mine = self._people.hash_of(self._owner)
        return {mine: names[mine]} if mine in names else {}

    def read(self, question: UsageQuery, look: Callable[[Connection, UsageQuery], T]) -> T:
        """What `look` finds, given the question as this owner may ask it."""
        question = self._ready(question)
        with self._database.read() as connection:
            return look(connection, question)

    @contextmanager
    def _reading_by(self, question: UsageQuery, names: Collection[str]) -> Iterator[Connection]:
        """A transaction that reads. Who groups by days asks by a clock, which is noted afterwards."""
        new: Sequence[int] = ()
        with self._database.read() as connection:
            yield connection
            if "day" in names:
                new = clocks.to_note(connection, question.zone)
        if new:
            with suppress(DatabaseDamaged, DatabaseUnavailable), self._database.write() as connection:
                clocks.note(connection, new)

    def _ready(self, question: UsageQuery) -> UsageQuery:
        """The question as this owner may ask it, once everything is written that can be."""
        self._settle()
        SqlUsage(self._database, self._people).interrupt()
        mine = self._people.hash_of(self._owner)
        if open_votes := self._open_votes():
            question = replace(question, open_votes=OpenVotes(mine, frozenset(open_votes)))
        if question.person == ME:
            return replace(question, person=mine)
        if self.sees_all or question.person == mine:
            return question
        # Somebody else's calls are ones that do not exist.
        return replace(question, person=mine if question.person is None else "")
