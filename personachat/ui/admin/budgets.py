"""Budgets and what is spent of them; new ones are added here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.accounts.budget import Budget, BudgetState, Period, Scope, Unit, amount_of
from personachat.accounts.budgets import BudgetOverview
from personachat.services import Services
from personachat.ui.admin import doing
from personachat.ui.wording import escaped, heard

SCOPES = {
    "all": "Everyone together",
    "person": "Person",
    "role": "Role",
    "persona": "Persona",
    "token": "API token",
}
UNITS = {"usd": "US dollars", "tokens": "Tokens", "replies": "Replies"}
PERIODS = {"minute": "Minute", "day": "Day", "month": "Month"}


def draw(_: Services, administrator: Administrator) -> None:
    budgets = administrator.budgets()
    if not budgets:
        st.info("There are no spending limits yet.", title="No budgets", icon=":material/savings:")
    names = administrator.names() if any(each.budget.name for each in budgets) else {}
    for each in budgets:
        _draw_budget(each, names)
    if unpriced := administrator.unpriced():
        st.caption(escaped(unpriced))
    with st.expander("Add a budget", icon=":material/add:", expanded=not budgets):
        _draw_form()


def _draw_budget(each: BudgetOverview, names: Mapping[str, str]) -> None:
    budget, subject = each.budget, whose(each.budget, names)
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False):
        with st.container(gap="xsmall"):
            st.markdown(f"**{escaped(subject)}**: {escaped(budget.amount)} per {budget.period}")
            for spender, state in each.states:
                st.progress(min(state.share, 1.0), text=escaped(spending(spender, state)))
            if not budget.id:
                st.caption("From the settings")
        if budget.id:
            st.button(
                heard(f"Remove the budget for {escaped(subject)}"),
                icon=":material/delete:",
                help="Remove",
                type="tertiary",
                key=f"remove_budget_{budget.id}",
                on_click=_remove,
                args=(budget.id,),
            )


def whose(budget: Budget, names: Mapping[str, str]) -> str:
    """E.g. "Everyone together", "Each person", "Role reader"; plain text."""
    scope = SCOPES[budget.scope]
    if budget.scope == "all":
        return scope
    if budget.name:
        name = names.get(budget.name) if budget.scope in {"person", "token"} else None
        return f"{scope} {name or budget.name}"
    return f"Each {scope if budget.scope == 'token' else scope.lower()}"


def spending(spender: str, state: BudgetState) -> str:
    """E.g. "User 3f9c: $1.20 spent, $0.40 reserved"; plain text."""
    unit = state.budget.unit
    spent = f"{spender}: " if spender else ""
    spent += f"{amount_of(state.spent, unit)} spent"
    return f"{spent}, {amount_of(state.reserved, unit)} reserved" if state.reserved else spent


def _draw_form() -> None:
    with st.form("new_budget", border=False):
        scope, name = st.columns(2)
        scope.selectbox("For", get_args(Scope), format_func=SCOPES.__getitem__, key="budget_scope")
        name.text_input(
            "Name",
            key="budget_name",
            max_chars=300,
            placeholder="Each one separately",
            help="An id, or a role.",
        )
        most, unit, period = st.columns(3)
        most.number_input("Limit", min_value=0.0, value=5.0, key="budget_most")
        unit.selectbox(
            "Of",
            get_args(Unit),
            format_func=UNITS.__getitem__,
            key="budget_unit",
            help="PERSONACHAT_UNKNOWN_PRICE decides what models without a known price count in US dollars.",
        )
        period.selectbox(
            "Per", get_args(Period), index=2, format_func=PERIODS.__getitem__, key="budget_period"
        )
        st.form_submit_button("Add budget", type="primary", on_click=_add)


def _add() -> None:
    state = st.session_state
    budget = Budget(
        scope=state["budget_scope"],
        name=str(state["budget_name"]),
        period=state["budget_period"],
        unit=state["budget_unit"],
        most=float(state["budget_most"]),
    )
    doing.do(lambda administrator: administrator.add_budget(budget))


def _remove(budget_id: str) -> None:
    doing.do(lambda administrator: administrator.remove_budget(budget_id))
