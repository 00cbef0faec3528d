"""Deleted personas: all of them, counted and searched, with buttons to restore one or many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.search import SearchText, matching
from personachat.personas.store.base import Revision
from personachat.ui import session
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.personas import actions as editing
from personachat.ui.personas import bulk_work
from personachat.ui.personas.desk import desk, take_typed
from personachat.ui.personas.texts import names_with_ids
from personachat.ui.wording import as_text, escaped, heard

MOST_ROWS = 20
"""With more than these, a search field is shown."""

MOST_SEARCHED = 10_000


def draw() -> None:
    """A collapsed list below the others; nothing if no persona is deleted or the list can't be read."""
    with suppress(PersonaChatError):
        revisions = session.workspace().collection.revisions
        first = revisions.deleted(limit=MOST_ROWS + 1)
        if not first:
            return
        count = len(first) if len(first) <= MOST_ROWS else revisions.count_deleted()
        with st.expander(f"Recently deleted ({count:,})", icon=":material/delete:", key="deleted_personas"):
            query = _draw_search(count)
            every = revisions.deleted(limit=MOST_SEARCHED) if query and count > len(first) else first
            matches = _matching(every, query)
            total = len(matches) if query else count
            _draw_together(total, query)
            _draw_rows(matches[:MOST_ROWS])
            if total > MOST_ROWS:
                st.caption(f"Showing the first {MOST_ROWS} of {total:,}. Search to narrow the list.")
            elif not matches:
                st.caption(f"No deleted persona matches “{escaped(query)}”.")


def _draw_search(count: int) -> str:
    if count <= 1:
        return ""
    query = st.text_input(
        "Search deleted personas",
        key="deleted_search",
        type="search",
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
        live=SEARCH_PAUSE,
    )
    return str(query or "")


def _matching(deleted: Sequence[Revision], query: str) -> tuple[Revision, ...]:
    return tuple(
        matching(deleted, query, text=lambda each: SearchText.about(each.name, each.persona_id, each.author))
    )


def _draw_together(total: int, query: str) -> None:
    if total < 2:
        return
    why_not = session.why_not_edit()
    st.button(
        f"Restore all {total:,}",
        icon=":material/restore_from_trash:",
        key="bring_back_all",
        type="tertiary",
        help=why_not,
        disabled=bool(why_not),
        on_click=_bring_back_all,
        args=(query,),
    )


def _draw_rows(rows: Sequence[Revision]) -> None:
    why_not = session.why_not_edit()
    zone, now = viewer_zone(), datetime.now(UTC)
    names = names_with_ids({each.persona_id: each.name for each in rows})
    for each in rows:
        name = as_text(names[each.persona_id])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            caption_parts = [ago(each.saved_at, now=now, zone=zone), as_text(each.author)]
            with st.container(gap=None, width="stretch"):
                st.markdown(name)
                st.caption(" · ".join(part for part in caption_parts if part))
            st.button(
                heard(f"Restore {name}"),
                icon=":material/restore_from_trash:",
                key=f"bring-back-{each.persona_id}",
                help=why_not or "Restore",
                disabled=bool(why_not),
                type="tertiary",
                on_click=_bring_back,
                args=(each.persona_id,),
            )


def _bring_back_all(query: str) -> None:
    take_typed()
    try:
        deleted = session.workspace().collection.revisions.deleted(limit=MOST_SEARCHED)
    except PersonaChatError as error:
        desk().error = error
        return
    bulk_work.begin(bulk_work.bring_back([each.persona_id for each in _matching(deleted, query)]))


def _bring_back(persona_id: str) -> None:
    take_typed()
    here = desk()
    try:
        entry = session.workspace().collection.bring_back(persona_id)
    except PersonaChatError as error:
        here.error = error
        return
    here.error = None
    editing.undone(persona_id)
    here.toast = f"{escaped(entry.persona.name)} is restored."
    session.remember("id", persona_id)
