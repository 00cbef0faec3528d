"""API tokens: made, shown once and revoked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import streamlit as st

from personachat.accounts.administration import Role
from personachat.accounts.administrator import Administrator
from personachat.accounts.tokens import MOST_NAME_CHARACTERS, ApiToken
from personachat.conversations.model import now
from personachat.errors import PersonaChatError
from personachat.owners import author_of
from personachat.services import Services
from personachat.ui.admin import doing
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.wording import escaped, heard

_MADE = "token_made"


def draw(services: Services, administrator: Administrator) -> None:
    secret = st.session_state.pop(_MADE, None)
    if secret:
        st.success("Copy it now: it is never shown again.", title="Token made", icon=":material/key:")
        st.code(secret, language=None)
    found = administrator.tokens()
    if not found:
        st.info(
            "A token lets a program use the API as a person, with a role of its own.",
            title="No tokens",
            icon=":material/key:",
        )
    for each in found:
        _draw_token(each)
    count = len(services.settings.accepted_tokens)
    if count:
        st.caption(f"Also accepted: {count} from the settings.")
    with st.expander("Make a token", icon=":material/add:", expanded=not found):
        _draw_form(services)


def _draw_token(each: ApiToken) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", wrap=False):
        with st.container(gap="xsmall"):
            ended = "" if each.holds(now()) else "Revoked" if each.revoked_at else "Expired"
            st.markdown(f"**{escaped(each.name)}** {f':gray-badge[{ended}]' if ended else ''}")
            st.caption(escaped(about(each, moment=now())))
        if each.holds(now()):
            st.button(
                heard(f"Revoke the token {escaped(each.name)}"),
                icon=":material/delete:",
                help="Revoke",
                type="tertiary",
                key=f"revoke_token_{each.id}",
                on_click=_revoke,
                args=(each.id,),
            )


def about(each: ApiToken, *, moment: datetime) -> str:
    """For whom, as what, with which personas and since when it was used last; plain text."""
    parts = [f"{each.role.capitalize()} for {author_of(each.owner)}", f"id {each.id[:8]}"]
    if each.personas is not None:
        parts.append(f"only {', '.join(sorted(each.personas))}")
    if each.expires_at:
        parts.append(f"expires {each.expires_at:%d %b %Y}")
    parts.append(
        f"used {ago(each.used_at, now=moment, zone=viewer_zone())}" if each.used_at else "never used"
    )
    return " · ".join(parts)


def _draw_form(services: Services) -> None:
    try:
        personas = [each.id for each in services.personas.all()]
    except PersonaChatError:
        personas = []
    with st.form("new_token", border=False):
        st.text_input("Name", key="token_name", max_chars=MOST_NAME_CHARACTERS, placeholder="Nightly report")
        role, expiry = st.columns(2)
        role.selectbox("Role", get_args(Role), index=1, format_func=str.capitalize, key="token_role")
        expiry.date_input(
            "Expires", value=None, min_value=now().date() + timedelta(days=1), key="token_expires"
        )
        st.multiselect("Personas", personas, placeholder="All", key="token_personas")
        st.text_input(
            "Person",
            key="token_owner",
            max_chars=300,
            placeholder="You",
            help="For whom it acts. People has the ids.",
        )
        st.form_submit_button("Make token", type="primary", on_click=_make)


def _make() -> None:
    chosen = st.session_state
    ends: date | None = chosen["token_expires"]
    personas = frozenset(chosen["token_personas"])
    made = doing.do(
        lambda administrator: administrator.create_token(
            name=str(chosen["token_name"]),
            owner=str(chosen["token_owner"]).strip(),
            role=chosen["token_role"],
            personas=personas or None,
            expires_at=datetime(ends.year, ends.month, ends.day, tzinfo=UTC) if ends else None,
        )
    )
    if made:
        st.session_state[_MADE] = made.secret
        st.session_state["token_name"] = ""


def _revoke(token_id: str) -> None:
    doing.do(lambda administrator: administrator.revoke_token(token_id))
