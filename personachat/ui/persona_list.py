"""The list of personas: searched, filtered and sorted, with a mark on unsaved and broken ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.ui import bulk, faces, favourites
from personachat.ui.persona_editing import select
from personachat.ui.persona_rows import ORDERS, Row, Wanted, found, tags_of
from personachat.ui.wording import escaped, heard

MOST_ROWS = 100
"""More than this is searched, not scrolled, and would slow down every run of the page."""

ROWS_IN_SIGHT = 11
LIST_PIXELS = 480

NAME_CHARACTERS = 26
"""Longer names are cut, so that the mark behind them stays in sight; the tooltip has the whole."""


def draw(everything: Sequence[Row], *, selected: str | None) -> None:
    """Draw the search, the filters and the rows they leave."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        query = st.text_input(
            "Search personas",
            key="persona_search",
            type="search",
            placeholder="Search",
            icon=":material/search:",
            label_visibility="collapsed",
            live=True,
            persist_state="session",
        )
        tags = tags_of(everything, also=st.session_state.get("persona_tags") or ())
        wanted = _draw_filters(tags, query or "")
        bulk.draw_switch()
    likes = favourites.mine()
    changed = bulk.changed_at() if wanted.order == "changed" else None
    hits = found(everything, wanted, likes=likes, changed=changed)
    if bulk.is_on():
        _draw_choices(everything, hits, tags)
    elif hits:
        faces.load(row.picture for row in hits[:MOST_ROWS])
        with _box(hits):
            for row in hits[:MOST_ROWS]:
                _draw_row(row, is_selected=row.id == selected, is_liked=row.id in likes)
    if not hits and everything:
        _draw_nothing(wanted)
    if len(hits) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(hits):,}. Search to narrow it down.")


def _draw_choices(everything: Sequence[Row], hits: Sequence[Row], tags: Sequence[str]) -> None:
    there = {row.id: row.tags for row in everything if row.can_be_chosen}
    chosen = bulk.chosen_of(there)
    bulk.draw_actions(chosen, [row.id for row in hits if row.can_be_chosen], tags=there, all_tags=tags)
    if hits:
        with _box(hits):
            for row in hits[:MOST_ROWS]:
                bulk.draw_choice(row.id, _label(row), is_chosen=row.id in chosen, can=row.can_be_chosen)


def _box(hits: Sequence[Row]) -> DeltaGenerator:
    """Where the rows go: as high as they are, or scrolled."""
    height: int | Literal["content"] = LIST_PIXELS if len(hits) > ROWS_IN_SIGHT else "content"
    return st.container(gap=None, height=height, border=False)


def _draw_filters(tags: Sequence[str], query: str) -> Wanted:
    with st.popover(
        heard("Filter and sort"),
        icon=":material/tune:",
        help="Filter and sort",
        type="secondary" if _filters() else "tertiary",
        key="persona_filters",
    ):
        order = st.selectbox(
            "Order",
            list(ORDERS),
            format_func=lambda order: ORDERS[order],
            key="persona_order",
            persist_state="session",
        )
        chosen = st.multiselect(
            "With all of these tags",
            tags,
            key="persona_tags",
            placeholder="Any" if tags else "There are no tags yet",
            disabled=not tags,
            persist_state="session",
        )
        only = st.toggle("Only favourites", key="persona_only_favourites", persist_state="session")
    return Wanted(query, frozenset(chosen), only, order or "name")


def _filters() -> bool:
    remembered = st.session_state.get
    return bool(remembered("persona_tags") or remembered("persona_only_favourites"))


def _draw_nothing(wanted: Wanted) -> None:
    if wanted.query:
        st.caption(f"No persona matches “{escaped(wanted.query)}”.")
        st.caption("The search looks at name, description, tags and id.")
    if wanted.filters:
        st.caption("The filters leave none.")
        st.button("Clear filters", key="clear_filters", type="tertiary", on_click=_clear_filters)


def _clear_filters() -> None:
    st.session_state["persona_tags"] = []
    st.session_state["persona_only_favourites"] = False


def _draw_row(row: Row, *, is_selected: bool, is_liked: bool) -> None:
    name, picture = _label(row), faces.in_line(row.picture)
    icon = None if picture else row.avatar
    st.button(
        picture + (f"**{name}**" if is_selected else name) + _mark(row, is_liked=is_liked),
        icon=":material/warning:" if row.is_broken else icon,
        key=f"persona-{row.id}",
        help=_help(row) or None,
        type="tertiary",
        wrap=False,
        on_click=select,
        args=(row.id,),
    )


def _label(row: Row) -> str:
    is_long = len(row.name) > NAME_CHARACTERS
    return escaped(f"{row.name[: NAME_CHARACTERS - 1].rstrip()}…" if is_long else row.name)


def _mark(row: Row, *, is_liked: bool) -> str:
    star = " :orange[:material/star:]" if is_liked else ""
    broken = " :red[broken]" if row.is_broken else ""
    return star + broken + (" :orange[●]" if row.is_unsaved else "")


def _help(row: Row) -> str:
    parts = [
        escaped(row.name) if len(row.name) > NAME_CHARACTERS else "",
        escaped(row.about),
        "The file has a fault: open it to see which." if row.is_broken else "",
        "Has unsaved edits." if row.is_unsaved else "",
    ]
    return "  \n".join(part for part in parts if part)
