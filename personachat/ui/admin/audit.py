"""The audit log, filtered, and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import get_args

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.accounts.audit import AuditEvent, AuditFilter, Kind
from personachat.accounts.audit_words import deed, details
from personachat.history.audit_table import audit_csv
from personachat.services import Services
from personachat.stamps import end_of, start_of
from personachat.ui import session
from personachat.ui.admin.state import AUDIT_STEP, admin_state
from personachat.ui.wording import escaped

MOST_CHARACTERS = 200


def draw(_: Services, administrator: Administrator) -> None:
    audit_filter = _filters()
    row_count = admin_state().audit_rows
    events = administrator.audit.page(audit_filter, limit=row_count + 1)
    if not events:
        st.info("No events match.", title="Nothing here", icon=":material/policy:")
        return
    names = administrator.names()
    for event in events[:row_count]:
        st.markdown(line(event, names))
    with st.container(horizontal=True):
        if len(events) > row_count:
            st.button("Show more", icon=":material/expand_more:", on_click=_show_more)
        st.download_button(
            "Download as CSV",
            data=session.administrator_later(lambda desk: _csv(desk, audit_filter)),
            file_name="audit.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def line(event: AuditEvent, names: Mapping[str, str]) -> str:
    """Who did what to what, and below it when and what else is known of it; Markdown."""
    at = event.at.astimezone(UTC)
    below = " · ".join((f"{at.day} {at:%b %Y, %H:%M:%S} UTC", *details(event)))
    if len(below) > MOST_CHARACTERS:  # the file has all of it
        below = f"{below[:MOST_CHARACTERS]}…"
    return f"**{escaped(event.actor_name)}** {escaped(deed(event, names))}  \n:small[:gray[{escaped(below)}]]"


def _filters() -> AuditFilter:
    kind, actor, target = st.columns(3)
    kinds = kind.selectbox(
        "Kind", ("", *get_args(Kind)), format_func=lambda each: each.capitalize() or "All", key="audit_kind"
    )
    who = actor.text_input("Who", key="audit_actor", max_chars=300, placeholder="Everyone")
    what = target.text_input("Target", key="audit_target", max_chars=300, placeholder="Any id")
    days = st.date_input("Days", value=[], key="audit_days")
    since, until = (*days, None, None)[:2] if isinstance(days, tuple) else (days, None)
    return AuditFilter(
        kind=kinds,
        actor=who.strip(),
        target=what.strip(),
        since=start_of(since) if since else None,
        until=end_of(until) if until else None,
    )


def _show_more() -> None:
    admin_state().audit_rows += AUDIT_STEP


def _csv(administrator: Administrator, audit_filter: AuditFilter) -> bytes:
    return "".join(audit_csv(administrator.audit.all(audit_filter))).encode()
