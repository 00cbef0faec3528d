"""The search box and the filters of the History page.

They are part of the page's address, so that a link or a refresh shows the same, and survive a visit to
another page.
"""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Rating
from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.stamps import end_of, start_of
from personachat.ui.dates import viewer_zone
from personachat.ui.history import state
from personachat.ui.history.state import begin_history_anew
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.wording import distinct

SEARCH_LABEL = "Search all conversations"
FILTER_KEYS = ("speaker", "model", "rating", "since", "until", "archived")
RATINGS: dict[str, Rating] = {"good": 1, "bad": -1}


def draw(library: ConversationLibrary) -> tuple[str, Filters]:
    """Draw them; returns the query and the filters."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        query = st.text_input(
            SEARCH_LABEL,
            key="q",
            type="search",
            placeholder="Search messages; use “quotes” for an exact phrase",
            label_visibility="collapsed",
            live=SEARCH_PAUSE,
            bind="query-params",
            on_change=begin_history_anew,
        )
        active = sum(bool(st.session_state.get(key)) for key in FILTER_KEYS)
        with st.popover(
            f"Filters ({active})" if active else "Filters", icon=":material/filter_list:", key="filters"
        ):
            filters = _draw_filters(library)
    return query or "", filters


def _draw_filters(library: ConversationLibrary) -> Filters:
    names = distinct(dict(library.personas()))
    zone = viewer_zone()
    persona_id = st.selectbox(
        "Persona",
        list(names),
        index=None,
        key="speaker",
        placeholder="Any persona",
        format_func=lambda persona_id: names.get(persona_id, persona_id),
        bind="query-params",
        on_change=begin_history_anew,
    )
    model = st.selectbox(
        "Model",
        list(library.models()),
        index=None,
        key="model",
        placeholder="Any model",
        bind="query-params",
        on_change=begin_history_anew,
    )
    rating = st.segmented_control(
        "Rating",
        list(RATINGS),
        key="rating",
        format_func={"good": ":material/thumb_up: Good", "bad": ":material/thumb_down: Bad"}.__getitem__,
        bind="query-params",
        on_change=begin_history_anew,
    )
    since = st.date_input("From", None, key="since", bind="query-params", on_change=begin_history_anew)
    until = st.date_input("To", None, key="until", bind="query-params", on_change=begin_history_anew)
    archived = st.toggle(
        "Show archived",
        key="archived",
        bind="query-params",
        on_change=begin_history_anew,
    )
    st.button(
        "Clear filters",
        icon=":material/filter_list_off:",
        on_click=_clear_filters,
        key="clear_history_filters",
    )
    return Filters(
        persona_id=persona_id,
        model=model,
        since=start_of(since, zone=zone) if since else None,
        until=end_of(until, zone=zone) if until else None,
        rating=RATINGS[rating] if rating else None,
        archived=archived,
    )


def _clear_filters() -> None:
    for key in FILTER_KEYS:
        st.session_state[key] = False if key == "archived" else None
    state.begin_history_anew()
