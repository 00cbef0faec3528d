"""The conversations in the sidebar: pinned ones, then the newest by day, and a menu for the open one.

It is drawn before every page in every run, so it reads one page of summaries and draws few elements. If the
database can't be read, a quiet line takes its place and the page below still works.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import streamlit as st

from personachat.errors import ConversationNotFound, DatabaseDamaged, DatabaseUnavailable
from personachat.history.library import ConversationLibrary
from personachat.history.listing import ConversationSummary
from personachat.stamps import now
from personachat.ui import notices, open_tabs, session
from personachat.ui.chat.transcript import drawable
from personachat.ui.dates import day_name, viewer_zone
from personachat.ui.history import actions
from personachat.ui.history import state as library_state
from personachat.ui.wording import as_text, error_text, heard

MOST_ROWS = 20
MOST_PINNED = 10

FOLLOWING_PAGES = frozenset({"chat", "history"})
"""Pages that may be redrawn at any time. Others have dialogs that a run in between would close."""


def draw(*, here: str) -> None:
    """Draw it in the current container, on the page `here`."""
    workspace = session.workspace()
    try:
        rows = list(_rows(workspace.library))
    except (DatabaseUnavailable, DatabaseDamaged) as error:
        st.caption(":material/database_off: Conversations can't be loaded.", help=error_text(error))
        return
    if here in FOLLOWING_PAGES:
        changed_at = {summary.id: summary.changed_at for _, summary in rows}
        open_tabs.follow(session.services(), workspace.owner, changed_at)
    else:
        open_tabs.leave()
    if not rows:
        st.caption("Your conversations will appear here.")
        return
    current = session.remembered("chat")
    for heading, group in groupby(rows, key=lambda row: row[0]):
        with st.container(gap=None, key=f"group_{heading}"):
            st.caption(heading)
            for _, summary in group:
                _draw_row(summary, is_current=summary.id == current)
    st.button(
        "All conversations",
        icon=":material/history:",
        type="tertiary",
        on_click=library_state.go_to,
        args=("history",),
        key="all_conversations",
    )


def draw_outcome() -> None:
    """The outcome of the last click on a conversation: why it failed, or how to undo it."""
    for notice in () if library_state.open_dialog() else notices.take("conversations"):
        st.warning(notice.text, icon=notice.icon)
    done = library_state.put_away()
    if done is None:
        return
    icon = ":material/delete:" if done.how == "deleted" else ":material/archive:"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(f"{icon} {as_text(actions.put_away_sentence(done))}", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            type="tertiary",
            on_click=actions.undo,
            key="undo_put_away",
        )


def _rows(library: ConversationLibrary) -> Iterator[tuple[str, ConversationSummary]]:
    """Headings and conversations in the order they are drawn."""
    pinned = library.pinned()[:MOST_PINNED]
    newest = library.list(limit=MOST_ROWS).conversations
    pinned_ids = {summary.id for summary in pinned}
    dated = [summary for summary in newest if summary.id not in pinned_ids][: MOST_ROWS - len(pinned)]
    current = _current(library, [*pinned, *dated])
    if current:
        yield "Open now", current
    for summary in pinned:
        yield "Pinned", summary
    moment, zone = now(), viewer_zone()
    for summary in dated:
        yield day_name(summary.updated_at, now=moment, zone=zone), summary


def _current(
    library: ConversationLibrary, conversations: Sequence[ConversationSummary]
) -> ConversationSummary | None:
    """The open conversation, if it is too old, or archived, to be listed."""
    current = session.remembered("chat")
    if current is None or any(summary.id == current for summary in conversations):
        return None
    try:
        summary = library.summary(current)
    except ConversationNotFound:
        return None
    return summary if summary.title else None


def _draw_row(summary: ConversationSummary, *, is_current: bool) -> None:
    if not is_current:
        _draw_title(summary)
        return
    with st.container(horizontal=True, wrap=False, gap="xxsmall", vertical_alignment="center"):
        with st.container():  # so that a long title is cut and the menu stays visible
            _draw_title(summary, is_current=True)
        key = f"menu_{summary.id}"
        st.menu_button(
            heard("Conversation options"),
            actions.menu_of(pinned=summary.pinned, archived=summary.archived),
            icon=":material/more_vert:",
            help="Conversation options",
            type="tertiary",
            key=key,
            on_click=actions.choose,
            args=(key, summary.id, summary.title),
        )


def _draw_title(summary: ConversationSummary, *, is_current: bool = False) -> None:
    title = as_text(summary.title)
    st.button(
        f"**{title}**" if is_current else title,
        icon=":material/arrow_right:" if is_current else drawable(summary.avatar),
        type="tertiary",
        help=title,
        wrap=False,
        on_click=library_state.open_conversation,
        args=(summary.id, summary.persona_id),
        key=f"open_{summary.id}",
    )
