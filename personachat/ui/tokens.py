"""API tokens on a page: created, shown once and revoked.

The Admin page has all, the Account page your own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias, TypeVar, get_args

import streamlit as st

from personachat.accounts.budget import Budget, Period, Unit
from personachat.accounts.token_issuing import TokenDesk
from personachat.accounts.tokens import MOST_NAME_CHARACTERS, ApiToken
from personachat.owners import author_of
from personachat.stamps import now
from personachat.ui import notices
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.wording import escaped, heard

T = TypeVar("T")
Do: TypeAlias = Callable[[Callable[[TokenDesk], Any]], Any]
"""Do it with the person's own tokens, or all; None if that fails, and the page says why."""

UNITS = {"usd": "US dollars", "tokens": "Tokens", "replies": "Replies"}
PERIODS = {"minute": "Minute", "day": "Day", "month": "Month"}
_CREATED = "token_made"


def draw_not_done() -> None:
    """Why the last click failed, if it did."""
    for notice in notices.take("page"):
        st.error(notice.text, title=notice.title, icon=notice.icon)


def draw_secret() -> None:
    """The secret of the token that was just created; shown once."""
    secret = st.session_state.pop(_CREATED, None)
    if secret:
        st.success("Copy it now: it is never shown again.", title="Token created", icon=":material/key:")
        st.code(secret, language=None, wrap_lines=True)


def draw_list(desk: TokenDesk, do: Do, *, empty: str, names: Mapping[str, str] | None = None) -> int:
    """Draw all tokens and return their number. Without `names` of people, all are the person's own."""
    tokens, budgets = desk.tokens(), desk.token_budgets()
    if not tokens:
        st.info(empty, title="No tokens", icon=":material/key:")
    for each in tokens:
        _draw_token(each, do, about(each, budgets.get(each.id, ()), moment=now(), names=names))
    return len(tokens)


def _draw_token(each: ApiToken, do: Do, token: str) -> None:
    holds = each.holds(now())
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False):
        with st.container(gap="xsmall"):
            ended = "" if holds else "Revoked" if each.revoked_at else "Expired"
            st.markdown(f"**{escaped(each.name)}** {f':gray-badge[{ended}]' if ended else ''}")
            st.caption(escaped(token))
        if holds:
            with st.popover(
                heard(f"Revoke the token {escaped(each.name)}"),
                icon=":material/key_off:",
                help="Revoke",
                type="tertiary",
                key=f"ask_revoke_{each.id}",
            ):
                st.markdown("Programs that use this token stop working at once. This can't be undone.")
                st.button(
                    f"Revoke {escaped(each.name)}",
                    type="primary",
                    key=f"revoke_token_{each.id}",
                    on_click=_revoke,
                    args=(do, each.id),
                )


def about(
    each: ApiToken, budgets: Sequence[Budget], *, moment: datetime, names: Mapping[str, str] | None
) -> str:
    """Its role, person, personas, budget, expiry and last use; plain text."""
    role = each.role.capitalize()
    if names is not None:
        role += f" for {names.get(each.owner) or author_of(each.owner)}"
    parts = [role, f"id {each.id[:8]}"]
    if each.personas is not None:
        parts.append(f"only {', '.join(sorted(each.personas))}")
    parts += [f"{budget.amount} per {budget.period}" for budget in budgets]
    if each.expires_at:
        parts.append(f"expires {each.expires_at.day} {each.expires_at:%b %Y}")
    used = ago(each.used_at, now=moment, zone=viewer_zone()) if each.used_at else ""
    parts.append(f"last used {used}" if used else "never used")
    return " · ".join(parts)


def draw_form(do: Do, *, roles: Sequence[str], personas: Sequence[str], for_others: bool) -> None:
    """The form for a new token. `personas` are those it can be limited to."""
    with st.form("new_token", border=False):
        st.text_input("Name", key="token_name", max_chars=MOST_NAME_CHARACTERS, placeholder="Nightly report")
        role, expiry = st.columns(2)
        usual = roles.index("editor") if "editor" in roles else len(roles) - 1
        role.selectbox("Role", list(roles), index=usual, format_func=str.capitalize, key="token_role")
        expiry.date_input(
            "Expires", value=None, min_value=now().date() + timedelta(days=1), key="token_expires"
        )
        st.multiselect("Personas", list(personas), placeholder="All", key="token_personas")
        most, unit, period = st.columns(3)
        most.number_input("Limit", min_value=0.0, value=None, placeholder="No limit", key="token_most")
        unit.selectbox("Of", get_args(Unit), format_func=UNITS.__getitem__, key="token_unit")
        period.selectbox(
            "Per", get_args(Period), index=2, format_func=PERIODS.__getitem__, key="token_period"
        )
        if for_others:
            st.text_input(
                "Person",
                key="token_owner",
                max_chars=300,
                placeholder="You",
                help="The person it acts for. The ids are under People.",
            )
        st.form_submit_button("Create token", type="primary", on_click=_make, args=(do,))


def _make(do: Do) -> None:
    state = st.session_state
    ends: date | None = state["token_expires"]
    personas = frozenset(state["token_personas"])
    new_token = do(
        lambda desk: desk.create_token(
            name=str(state["token_name"]),
            owner=str(state.get("token_owner", "")).strip(),
            role=state["token_role"],
            personas=personas or None,
            expires_at=datetime(ends.year, ends.month, ends.day, tzinfo=UTC) if ends else None,
            budget=_budget(state["token_most"]),
        )
    )
    if new_token:
        state[_CREATED] = new_token.secret
        state["token_name"] = ""


def _budget(most: float | None) -> Budget | None:
    if most is None:
        return None
    state = st.session_state
    return Budget(scope="token", period=state["token_period"], unit=state["token_unit"], most=float(most))


def _revoke(do: Do, token_id: str) -> None:
    do(lambda desk: desk.revoke_token(token_id))
