"""Budgets over HTTP: the state of the caller's own, and all of them for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from personachat.accounts.budget import Budget, BudgetState, Period, Scope, Unit
from personachat.accounts.budgets import BudgetOverview
from personachat.api.auth import owner_of
from personachat.api.openapi import answers
from personachat.api.schemas import RequestModel, ResponseModel, Text, administrator_of, services_of

router = APIRouter(prefix="/budgets", tags=["administration"])


class BudgetBody(RequestModel):
    """What may be spent. With an empty `name`, each person, role, persona or token has this budget."""

    scope: Scope
    name: Annotated[Text, Field(max_length=300)] = ""
    per: Period
    unit: Unit
    most: Annotated[float, Field(ge=0, lt=1e15)]


class Spender(ResponseModel):
    name: str
    spent: float
    reserved: float


class BudgetAnswer(ResponseModel):
    """`spent` is what finished replies used, `reserved` what running ones may still use.

    For administrators, a budget of each person, role, persona or token has its greatest `spenders` instead.
    `id` is null for one from the settings.
    """

    id: str | None
    scope: Scope
    name: str
    per: Period
    unit: Unit
    most: float
    spent: float | None
    reserved: float | None
    resets_at: datetime | None
    warning: str | None
    spenders: list[Spender]
    source: Literal["settings", "administrator"]


class BudgetList(ResponseModel):
    budgets: list[BudgetAnswer]


@router.get("", summary="Show budgets", response_model=BudgetList, responses=answers(404, 422, 503))
def list_budgets(
    request: Request,
    *,
    everyone: Annotated[
        bool,
        Query(
            alias="all", description="All budgets, not only those that limit you. Only for administrators."
        ),
    ] = False,
) -> BudgetList:
    """The budgets that limit the caller now."""
    if everyone:
        return BudgetList(budgets=[_overview(each) for each in administrator_of(request).budgets()])
    states = services_of(request).budgets.states_of(owner_of(request))
    return BudgetList(budgets=[_answer(state.budget, state) for state in states])


@router.post(
    "", summary="Add a budget", status_code=201, response_model=BudgetAnswer, responses=answers(404, 422, 503)
)
def add_budget(body: BudgetBody, request: Request) -> BudgetAnswer:
    """Only for administrators. It takes effect within seconds in every process on the same database."""
    budget = administrator_of(request).add_budget(
        Budget(scope=body.scope, name=body.name, period=body.per, unit=body.unit, most=body.most)
    )
    return _answer(budget)


@router.delete(
    "/{id}", summary="Remove a budget", status_code=204, response_class=Response, responses=answers(404, 503)
)
def remove_budget(
    request: Request, budget_id: Annotated[Text, Path(alias="id", description="A budget's id.")]
) -> None:
    """Only for administrators. Budgets from the settings can only be changed there."""
    administrator_of(request).remove_budget(budget_id)


def _overview(each: BudgetOverview) -> BudgetAnswer:
    if each.budget.scope == "all" or each.budget.name:
        return _answer(each.budget, each.states[0][1])
    spenders = [Spender(name=name, spent=state.spent, reserved=state.reserved) for name, state in each.states]
    return _answer(each.budget).model_copy(update={"spenders": spenders})


def _answer(budget: Budget, state: BudgetState | None = None) -> BudgetAnswer:
    return BudgetAnswer(
        id=budget.id or None,
        scope=budget.scope,
        name=budget.name,
        per=budget.period,
        unit=budget.unit,
        most=budget.most,
        spent=state.spent if state else None,
        reserved=state.reserved if state else None,
        resets_at=state.resets_at if state else None,
        warning=state.warning() if state and state.warns else None,
        spenders=[],
        source="administrator" if budget.id else "settings",
    )
