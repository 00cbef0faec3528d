"""Questions to the ledger: which calls, and how they are grouped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, and_, not_, or_

from personachat.errors import UsageQuestionInvalid
from personachat.messages import storable
from personachat.usage import days

COMPARISON = "comparison"
"""The purpose of calls that answer in comparisons."""


@dataclass(frozen=True, slots=True)
class OpenVotes:
    """Whose blind votes are open, by the ledger's hash, and in which comparisons."""

    person: str
    comparison_ids: frozenset[str]

    def withheld(self, table: FromClause) -> ColumnElement[bool]:
        """Their calls in these comparisons, and those whose comparison wasn't recorded yet."""
        which = table.c.comparison_id
        unknown = and_(which.is_(None), table.c.purpose == COMPARISON)
        these = and_(which.is_not(None), which.in_(sorted(self.comparison_ids)))
        return and_(table.c.owner == storable(self.person), or_(unknown, these))


GROUPS: Mapping[str, str] = {
    "day": "",
    "person": "owner",
    "persona": "persona_id",
    "revision": "persona_revision",
    "provider": "provider",
    "model": "model",
    "asked": "model_asked",
    "purpose": "purpose",
    "surface": "surface",
    "outcome": "outcome",
    "reason": "finish_reason",
    "error": "error_code",
}
"""What calls can be grouped by, and the column for it; a day is one of the question's time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Which calls; None is any. `until` is the last day."""

    zone: ZoneInfo
    since: date | None = None
    until: date | None = None
    person: str | None = None
    """By the ledger's hash."""
    persona: str | None = None
    revision: str | None = None
    provider: str | None = None
    model: str | None = None
    purpose: str | None = None
    surface: str | None = None
    outcome: str | None = None
    error: str | None = None
    open_votes: OpenVotes | None = None
    """Open blind votes: calls that would reveal how to vote are left out."""

    @property
    def begins(self) -> datetime | None:
        return None if self.since is None else days.begins(self.since, self.zone)

    @property
    def ends(self) -> datetime | None:
        """The first moment after it."""
        if self.until is None:
            return None
        return days.begins(self.until + timedelta(days=1), self.zone)

    @property
    def columns(self) -> set[str]:
        """The columns of a kind that it filters by."""
        columns = {column for name, column in GROUPS.items() if getattr(self, name, None) is not None}
        return columns | ({"purpose", "owner", "comparison_id"} if self.open_votes else set())

    def conditions(self, table: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on a table with the columns of a kind, without the time."""
        filters = ((column, getattr(self, name)) for name, column in GROUPS.items() if hasattr(self, name))
        conditions = [table.c[column] == storable(value) for column, value in filters if value is not None]
        if self.open_votes:
            conditions.append(not_(self.open_votes.withheld(table)))
        return conditions

    def times(self, table: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on when a call of the table began."""
        column = table.c.began_at
        since: list[ColumnElement[bool]] = [] if self.begins is None else [column >= self.begins]
        return since if self.ends is None else [*since, column < self.ends]


def groups_of(names: Iterable[str]) -> tuple[str, ...]:
    """What to group by, each once, in this order. Raises UsageQuestionInvalid."""
    group_names = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if unknown := [name for name in group_names if name not in GROUPS]:
        known_names = ", ".join(GROUPS)
        raise UsageQuestionInvalid(
            f'Calls can\'t be grouped by "{unknown[0][:40]}".', hint=f"Choose from: {known_names}."
        )
    return group_names


def parse_query(
    *, now: datetime, timezone: str, since: str | None, until: str | None, **filters: Any
) -> UsageQuery:
    """A question from outside. Raises UsageQuestionInvalid."""
    zone = days.zone_of(timezone)
    first = None if since is None else days.day_of(since, now=now, zone=zone)
    last = None if until is None else days.day_of(until, now=now, zone=zone)
    if first and last and first > last:
        raise UsageQuestionInvalid("The first day is after the last one.", hint="Swap since and until.")
    return UsageQuery(zone=zone, since=first, until=last, **filters)
