"""The ledger as one person may read it: their own calls, or everybody's for administrators.

The user of the server's own machine is an administrator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, select, tuple_

from personachat.database.connection import Database
from personachat.database.cursors import cursor_after, place_of
from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.owners import LOCAL_OWNER
from personachat.usage import clocks, sums
from personachat.usage.day_times import TIMES
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
    """One owner's view; cheap to create. Methods raise what `Database` raises, and UsageQuestionInvalid.

    `settle` writes ended calls and is called before rows are read.
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
        """`administers` tells whether they see everybody's calls; None means only on this machine.

        `open_votes` are the comparisons in which a blind vote of theirs is open. Their calls in those aren't
        shown: models and lengths would reveal who wrote what.
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
        """The sums of each group; only `numbers`, if no others are needed."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            return sums.summed(connection, question, by, numbers)

    def total(self, question: UsageQuery) -> Sum:
        question = self._ready(question)
        with self._reading_by(question, ()) as connection:
            return sums.total(connection, question)

    def speeds(self, question: UsageQuery, by: Sequence[str]) -> tuple[Speed, ...]:
        """Median and 95th percentile of the times of each group, accurate to 1 %."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            return speeds(connection, question, by)

    def speeds_by(
        self, question: UsageQuery, groupings: Sequence[Sequence[str]], *, times: Sequence[str] = TIMES
    ) -> Sequence[tuple[Speed, ...]]:
        """Like `speeds`, for several groupings of the same calls, faster than one after another.

        Only the given `times` are calculated.
        """
        question = self._ready(question)
        with self._reading_by(question, [name for by in groupings for name in by]) as connection:
            return speeds_by(connection, question, groupings, times=times)

    def measured(self, question: UsageQuery, by: Sequence[str]) -> tuple[tuple[Sum, Speed], ...]:
        """The sums of each group, with its speed."""
        question = self._ready(question)
        with self._reading_by(question, by) as connection:
            totals = sums.summed(connection, question, by)
            speed_of = {each.key: each for each in speeds(connection, question, by)}
        return tuple((each, speed_of.get(each.key, UNMEASURED)) for each in totals)

    def measured_total(self, question: UsageQuery) -> tuple[Sum, Speed]:
        """The sums of all calls, also if there are none."""
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
        """People's names by the ledger's hash: everybody's, or only the owner's."""
        with self._database.read() as connection:
            names = self._people.names(connection)
        if self.sees_all:
            return names
        mine = self._people.hash_of(self._owner)
        return {mine: names[mine]} if mine in names else {}

    def read(self, question: UsageQuery, look: Callable[[Connection, UsageQuery], T]) -> T:
        """The result of `look` for the question as this owner may ask it."""
        question = self._ready(question)
        with self._reading_by(question, ()) as connection:
            return look(connection, question)

    @contextmanager
    def _reading_by(self, question: UsageQuery, names: Collection[str]) -> Iterator[Connection]:
        """A reading transaction. Grouping by days uses a clock, which is recorded afterwards."""
        new: Sequence[int] = ()
        with self._database.read() as connection:
            with _many_numbers(connection):
                yield connection
            if "day" in names:
                new = clocks.to_note(connection, question.zone)
        if new:
            with suppress(DatabaseDamaged, DatabaseUnavailable), self._database.write() as connection:
                clocks.note(connection, new)

    def _ready(self, question: UsageQuery) -> UsageQuery:
        """The question as this owner may ask it, after everything that can be written is."""
        self._settle()
        SqlUsage(self._database, self._people).interrupt()
        mine = self._people.hash_of(self._owner)
        if open_votes := self._open_votes():
            question = replace(question, open_votes=OpenVotes(mine, frozenset(open_votes)))
        if question.person == ME:
            return replace(question, person=mine)
        if self.sees_all or question.person == mine:
            return question
        # Somebody else's calls don't exist.
        return replace(question, person=mine if question.person is None else "")


def _many_numbers(connection: Connection) -> AbstractContextManager[None]:
    """Within it, the transaction reads many numbers."""
    if connection.dialect.name != "postgresql":
        return nullcontext()
    from personachat.database.postgresql import many_numbers  # noqa: PLC0415  # its driver is rarely needed

    return many_numbers(connection)
