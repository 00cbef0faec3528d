"""A budget as a value: who it limits, how much of what, and in which period.

Days and months are those of UTC, as in the ledger. A minute is always the last sixty seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from personachat.errors import BudgetExceeded, PersonaChatError, RequestLimitReached

Scope: TypeAlias = Literal["all", "person", "role", "persona", "token"]
Period: TypeAlias = Literal["minute", "day", "month"]
Unit: TypeAlias = Literal["usd", "tokens", "replies"]

WARNING_SHARE = 0.8
"""The share from which on people are warned."""

_MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`name` is one person (an owner), role, persona or token; "" means each of them separately."""

    scope: Scope
    name: str = ""
    period: Period
    unit: Unit
    most: float
    id: str = ""
    """"" for budgets in the settings."""

    def begins(self, moment: datetime) -> datetime:
        """When the period of this moment began."""
        if self.period == "minute":
            return moment - _MINUTE
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return day if self.period == "day" else day.replace(day=1)

    def resets(self, moment: datetime) -> datetime:
        """When the period of this moment ends."""
        began = self.begins(moment)
        if self.period == "minute":
            return moment + _MINUTE
        if self.period == "day":
            return began + timedelta(days=1)
        return (began + timedelta(days=32)).replace(day=1)

    @property
    def amount(self) -> str:
        """E.g. "$5.00", "20,000 tokens", "1 reply"."""
        return amount_of(self.most, self.unit)

    @property
    def subject(self) -> str:
        """Who it is for, in the words for a person it limits."""
        return {
            "all": "everyone together",
            "person": "each person" if not self.name else "you",
            "role": "each role" if not self.name else f"everyone with the role {self.name}",
            "persona": "each persona" if not self.name else "this persona",
            "token": "each API token" if not self.name else "this API token",
        }[self.scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a call is counted for, which decides its budgets. `owner` is the ledger's hash."""

    owner: str = ""
    owner_name: str = ""
    """The owner itself, which a budget may name."""
    role: str = ""
    persona_id: str = ""
    token_id: str = ""

    def name_in(self, scope: Scope) -> str:
        """Their name in a scope; "" if they have none there."""
        return {
            "all": "all",
            "person": self.owner_name,
            "role": self.role,
            "persona": self.persona_id,
            "token": self.token_id,
        }[scope]

    def is_limited_by(self, budget: Budget) -> bool:
        name = self.name_in(budget.scope)
        return bool(name) and budget.name in {"", name}


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """How much of a budget is spent, and how much running calls may still spend."""

    budget: Budget
    spent: float
    reserved: float
    resets_at: datetime

    @property
    def total(self) -> float:
        """What was spent and what running replies may still spend, in the unit of the budget."""
        return self.spent + self.reserved

    @property
    def share(self) -> float:
        """The used share of the budget; 1 is all of it."""
        return self.total / self.budget.most if self.budget.most else 1.0

    @property
    def warns(self) -> bool:
        return self.budget.period != "minute" and self.share >= WARNING_SHARE

    def refuses(self, amount: float | None) -> bool:
        """Whether a call that needs at most so much no longer fits.

        A call that needs nothing always fits. If its need is unknown, something must be left.
        """
        room = self.budget.most - self.total
        return room <= 0 if amount is None else amount > max(room, 0) * (1 + 1e-9)

    def warning(self) -> str:
        """The sentence for people it limits."""
        used = f"{min(self.share, 1):.0%}"
        return f"{used} of {_named(self.budget)} is used. {_reset(self.budget, self.resets_at)}"

    def refusal(self, amount: float | None, *, moment: datetime) -> PersonaChatError:
        """Why such a call is refused, and when the budget starts again."""
        budget = self.budget
        if budget.period == "minute":
            return RequestLimitReached(
                f"The limit for {budget.subject} is {budget.amount} per minute.",
                hint="Try again in a minute.",
                retry_after_seconds=60,
            )
        left = budget.most - self.total
        used_up = left <= 0 or budget.unit == "replies" or amount is None
        what = f"{_named(budget, begins=True)} is used up."
        if amount is not None and not used_up:
            what = (
                f"This reply could take up to {amount_of(amount, budget.unit)}, "
                f"but only {amount_of(left, budget.unit)} of {_named(budget)} is left."
            )
        seconds = max(1.0, (self.resets_at - moment).total_seconds())
        return BudgetExceeded(
            f"{what} {_reset(budget, self.resets_at)}",
            hint="" if used_up else "A persona with a smaller maxTokens may still fit.",
            retry_after_seconds=seconds,
        )


def amount_of(number: float, unit: Unit) -> str:
    """An amount of a unit in words."""
    if unit == "usd":
        if 0 < number < 0.0001:
            return "<$0.0001"
        return f"${number:,.2f}" if number >= 0.01 or number == 0 else f"${number:.4f}".rstrip("0")
    name = {"tokens": "token", "replies": "reply"}[unit]
    plural = {"tokens": "tokens", "replies": "replies"}[unit]
    return f"{number:,.0f} {name if number == 1 else plural}"


def _named(budget: Budget, *, begins: bool = False) -> str:
    period = "today's" if budget.period == "day" else "this month's"
    named = f"{period} budget of {budget.amount} for {budget.subject}"
    return named[0].upper() + named[1:] if begins else named


def _reset(budget: Budget, moment: datetime) -> str:
    if budget.period == "minute":
        return ""
    return f"It resets on {moment.day} {moment:%B %Y} at 00:00 UTC."
