"""How much of a budget is used: the ledger's ended calls, and the most that running ones may need.

A call counts with the most it may need until its row in the ledger has ended, and then with what it used. One
statement reads both, so that no call is missed or counted twice. A failed reply doesn't count as a reply, but
its cost does.

Until someone has cast a blind vote, the usage of the replies would reveal who wrote which. So for that person
those calls still count with the most they may need, in what they see and in what still fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    not_,
    or_,
    select,
)

from personachat.accounts.budget import Budget, BudgetState, Caller, Unit
from personachat.accounts.tables import budget_calls
from personachat.usage.questions import OpenVotes
from personachat.usage.records import quarter_of
from personachat.usage.tables import QUARTERS_A_DAY, usage_calls, usage_days, usage_kinds

UNWRITTEN_SECONDS = 3600
"""Seconds that a call without a ledger row counts: its process died, or its database failed."""

_LOOKED_AT = 100
"""How many candidates the greatest spenders are chosen from."""

_admitted_calls = budget_calls.c
_calls = usage_calls.c
_days = usage_days.c
_kinds = usage_kinds.c


def states(
    connection: Connection,
    budgets: Sequence[Budget],
    caller: Caller,
    *,
    moment: datetime,
    open_votes: OpenVotes | None = None,
) -> list[BudgetState]:
    """The state of each of these budgets for this caller, all at one moment.

    Limited to what someone with open blind votes may know.
    """
    if not budgets:
        return []
    columns: list[ColumnElement[Any]] = []
    for budget in budgets:
        columns += [
            _spent(budget, caller, moment, open_votes),
            _reserved(budget, caller, moment, open_votes),
        ]
    row = connection.execute(select(*(column.label(f"n{at}") for at, column in enumerate(columns)))).one()
    numbers = [float(number or 0) for number in row]
    return [
        BudgetState(
            budget=budget,
            spent=numbers[2 * at],
            reserved=numbers[2 * at + 1],
            resets_at=budget.resets(moment),
        )
        for at, budget in enumerate(budgets)
    ]


def spenders(
    connection: Connection,
    budget: Budget,
    *,
    moment: datetime,
    at_most: int,
    open_votes: OpenVotes | None = None,
) -> list[tuple[str, BudgetState]]:
    """The state of a budget per person, role, persona or token for those who used most, by name.

    A person is named by the ledger's hash.
    """
    spending = []
    for name in connection.scalars(_names(budget, moment).limit(_LOOKED_AT)):
        caller = Caller(owner=name, owner_name=name, role=name, persona_id=name, token_id=name)
        (state,) = states(connection, [budget], caller, moment=moment, open_votes=open_votes)
        spending.append((name, state))
    return sorted(spending, key=lambda each: -each[1].total)[:at_most]


def _names(budget: Budget, moment: datetime) -> Select[Any]:
    """Who has called a model in this period."""
    if budget.scope in {"role", "token"} or budget.period == "minute":
        column: Any = {
            "person": _admitted_calls.owner,
            "role": _admitted_calls.role,
            "persona": _admitted_calls.persona_id,
            "token": _admitted_calls.token_id,
        }[budget.scope]
        return (
            select(column).where(_admitted_calls.began_at >= budget.begins(moment), column != "").distinct()
        )
    column = {"person": _kinds.owner, "persona": _kinds.persona_id}[budget.scope]
    day = quarter_of(budget.begins(moment)) // QUARTERS_A_DAY
    both = usage_days.join(usage_kinds, _kinds.id == _days.kind_id)
    return select(column).select_from(both).where(_days.day >= day, column != "").distinct()


def _spent(
    budget: Budget, caller: Caller, moment: datetime, open_votes: OpenVotes | None
) -> ColumnElement[Any]:
    if budget.period == "minute":
        query = select(func.count()).select_from(budget_calls)
        recent = query.where(_admitted_calls.began_at > budget.begins(moment), *_same_account(budget, caller))
        return recent.scalar_subquery()
    if budget.scope in {"role", "token"}:
        by_calls = _spent_by_calls(budget, caller, moment).where(
            *_without_open_votes(usage_calls, open_votes)
        )
        return by_calls.scalar_subquery()
    by_days = _spent_by_days(budget, caller, moment).where(*_without_open_votes(usage_kinds, open_votes))
    return by_days.scalar_subquery()


def _spent_by_days(budget: Budget, caller: Caller, moment: datetime) -> Select[Any]:
    amount = {
        "usd": _days.cost_usd,
        "tokens": _days.prompt_tokens + _days.completion_tokens,
        "replies": case((_kinds.outcome == "failed", 0), else_=_days.calls),
    }[budget.unit]
    day = quarter_of(budget.begins(moment)) // QUARTERS_A_DAY
    query = select(func.sum(amount)).select_from(usage_days.join(usage_kinds, _kinds.id == _days.kind_id))
    query = query.where(_days.day >= day)
    if budget.scope == "person":
        query = query.where(_kinds.owner == caller.owner)
    elif budget.scope == "persona":
        query = query.where(_kinds.persona_id == caller.persona_id)
    return query


def _spent_by_calls(budget: Budget, caller: Caller, moment: datetime) -> Select[Any]:
    """From the calls themselves, because the sums contain neither roles nor tokens."""
    amount = {
        "usd": _calls.cost_usd,
        "tokens": func.coalesce(_calls.prompt_tokens, 0) + func.coalesce(_calls.completion_tokens, 0),
        "replies": case((_calls.outcome == "failed", 0), else_=1),
    }[budget.unit]
    both = budget_calls.join(usage_calls, _calls.id == _admitted_calls.id)
    ended = and_(_calls.outcome != "running", _admitted_calls.began_at >= budget.begins(moment))
    return select(func.sum(amount)).select_from(both).where(ended, *_same_account(budget, caller))


def _without_open_votes(table: FromClause, open_votes: OpenVotes | None) -> list[ColumnElement[bool]]:
    return [not_(open_votes.withheld(table))] if open_votes else []


def _reserved(
    budget: Budget, caller: Caller, moment: datetime, open_votes: OpenVotes | None
) -> ColumnElement[Any]:
    if budget.period == "minute":
        return literal(0)
    amount: dict[Unit, Any] = {
        "usd": _admitted_calls.cost_usd,
        "tokens": _admitted_calls.tokens,
        "replies": literal(1),
    }
    unwritten = and_(
        _calls.id.is_(None), _admitted_calls.began_at > moment - timedelta(seconds=UNWRITTEN_SECONDS)
    )
    withheld = [open_votes.withheld(usage_calls)] if open_votes else []
    query = (
        select(func.sum(amount[budget.unit]))
        .select_from(budget_calls.outerjoin(usage_calls, _calls.id == _admitted_calls.id))
        .where(_admitted_calls.began_at >= budget.begins(moment), *_same_account(budget, caller))
        .where(or_(_calls.outcome == "running", unwritten, *withheld))
    )
    return query.scalar_subquery()


def _same_account(budget: Budget, caller: Caller) -> list[ColumnElement[bool]]:
    """Which admitted calls are counted for the same subject."""
    match budget.scope:
        case "all":
            return []
        case "person":
            return [_admitted_calls.owner == caller.owner]
        case "role":
            return [_admitted_calls.role == caller.role]
        case "persona":
            return [_admitted_calls.persona_id == caller.persona_id]
        case "token":
            return [_admitted_calls.token_id == caller.token_id]
