"""The sums of calls, grouped: what has ended comes from `usage_sums`, what is running from its rows.

Days are reckoned in the database, with the offsets that the time zone has in that time. None is what is known
of no call; a sum of what is known of some says of how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, literal, select

from personachat.errors import UsageQuestionInvalid
from personachat.usage import days
from personachat.usage.questions import GROUPS, Question
from personachat.usage.records import quarter_of
from personachat.usage.tables import QUARTER_SECONDS, RUNNING, SUMMED, usage_calls, usage_kinds, usage_sums

MOST_GROUPS = 20_000

_QUARTERS_A_DAY = 86_400 // QUARTER_SECONDS
_EPOCH = date(1970, 1, 1)
_NUMBERS = ("calls", "estimated", *(part for name in SUMMED for part in (name, f"{name}_known")))


@dataclass(frozen=True, slots=True)
class Sum:
    """`key` has a value for each of what was grouped by; a day as 2026-01-31, None where there is none."""

    key: tuple[str | None, ...]
    numbers: Mapping[str, float]

    @property
    def calls(self) -> int:
        return int(self.numbers["calls"])

    @property
    def estimated(self) -> int:
        """Of how many calls the tokens were estimated."""
        return int(self.numbers["estimated"])

    def known(self, name: str) -> int:
        """Of how many calls a number was known."""
        return int(self.numbers[f"{name}_known"])

    def total(self, name: str) -> int | None:
        """A sum, None where it was known of no call."""
        return int(self.numbers[name]) if self.known(name) else None

    @property
    def cost_usd(self) -> float | None:
        return float(self.numbers["cost_usd"]) if self.known("cost_usd") else None

    def mean(self, name: str) -> int | None:
        """Of those of which it was known."""
        return round(self.numbers[name] / self.known(name)) if self.known(name) else None


def summed(connection: Connection, question: Question, by: Sequence[str]) -> tuple[Sum, ...]:
    """The sums of each group that has calls. Raises UsageQuestionInvalid where those are too many."""
    found: dict[tuple[str | None, ...], dict[str, float]] = {}
    for row in connection.execute(_query(connection, question, by)):
        key = _key(row[: len(by)], by)
        found[key] = dict(zip(_NUMBERS, row[len(by) :], strict=True))
    _add_running(connection, question, by, found)
    if len(found) > MOST_GROUPS:
        raise UsageQuestionInvalid(
            f"There are more than {MOST_GROUPS:,} groups.", hint="Choose fewer days, or group by less."
        )
    sums = [Sum(key, numbers) for key, numbers in found.items() if numbers["calls"]]
    return tuple(sorted(sums, key=lambda each: _order(each, by)))


def total(connection: Connection, question: Question) -> Sum:
    """The sum of all, also where there are no calls."""
    found = summed(connection, question, ())
    return found[0] if found else Sum((), dict.fromkeys(_NUMBERS, 0))


def _query(connection: Connection, question: Question, by: Sequence[str]) -> Any:
    keys = [_day(connection, question) if name == "day" else usage_kinds.c[GROUPS[name]] for name in by]
    numbers = [func.sum(usage_sums.c[name]) for name in _NUMBERS]
    query = select(*keys, *numbers).select_from(usage_sums)
    conditions = question.conditions(usage_kinds)
    if conditions or any(name != "day" for name in by):
        query = query.join(usage_kinds, usage_kinds.c.id == usage_sums.c.kind_id).where(*conditions)
    if question.begins:
        query = query.where(usage_sums.c.quarter >= quarter_of(question.begins))
    if question.ends:
        query = query.where(usage_sums.c.quarter < quarter_of(question.ends))
    # One more than may be: who asks for too much is told so, and nothing is loaded that nobody sees.
    return (query.group_by(*keys) if keys else query.having(func.count() > 0)).limit(MOST_GROUPS + 1)


def _day(connection: Connection, question: Question) -> ColumnElement[int]:
    """The day since 1970 by the zone's clock in which a quarter of an hour begins."""
    since, until = question.begins, question.ends
    if since is None or until is None:
        first, last = connection.execute(
            select(func.min(usage_sums.c.quarter), func.max(usage_sums.c.quarter))
        ).one()
        since = since or _moment(first or 0)
        until = until or _moment((last or 0) + 1)
    changes = list(days.offsets(question.zone, since, until))
    shifted = [usage_sums.c.quarter + literal(_quarters(offset)) for _, offset in changes]
    day: ColumnElement[int] = shifted[-1]
    if len(changes) > 1:
        whens = [
            (usage_sums.c.quarter < quarter_of(changes[number + 1][0]), shifted[number])
            for number in range(len(changes) - 1)
        ]
        day = case(*whens, else_=shifted[-1])
    return day // literal(_QUARTERS_A_DAY)


def _add_running(
    connection: Connection,
    question: Question,
    by: Sequence[str],
    found: dict[tuple[str | None, ...], dict[str, float]],
) -> None:
    query = select(usage_calls).where(RUNNING, *question.conditions(usage_calls))
    if question.begins:
        query = query.where(usage_calls.c.began_at >= question.begins)
    if question.ends:
        query = query.where(usage_calls.c.began_at < question.ends)
    for row in connection.execute(query).mappings():
        key = tuple(
            str(days.today(row["began_at"], question.zone)) if name == "day" else row[GROUPS[name]]
            for name in by
        )
        numbers = found.setdefault(key, dict.fromkeys(_NUMBERS, 0))
        numbers["calls"] += 1
        numbers["estimated"] += bool(row["estimated"])
        for name in SUMMED:
            if row[name] is not None:
                numbers[name] += row[name]
                numbers[f"{name}_known"] += 1


def _key(values: Sequence[Any], by: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(
        str(_EPOCH + timedelta(days=int(value))) if name == "day" else value
        for name, value in zip(by, values, strict=True)
    )


def _order(each: Sum, by: Sequence[str]) -> tuple[Any, ...]:
    """Days as they come, then what costs most, and what was called most."""
    day = tuple(key for key, name in zip(each.key, by, strict=True) if name == "day")
    return (*day, -(each.cost_usd or 0), -each.calls, tuple(key or "" for key in each.key))


def _quarters(offset: timedelta) -> int:
    return int(offset.total_seconds()) // QUARTER_SECONDS


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
