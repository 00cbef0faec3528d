"""The History page: search results, or the conversations and what can be done with many of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import streamlit as st

from personachat.history.filters import Filters
from personachat.history.library import ConversationLibrary
from personachat.history.listing import ConversationSummary, ListPage
from personachat.history.search import Hit, SearchPage
from personachat.stamps import now
from personachat.ui import session, sidebar
from personachat.ui.chat.transcript import USER_AVATAR, drawable
from personachat.ui.dates import ago, exact, viewer_zone
from personachat.ui.faces import DEFAULT_AVATAR
from personachat.ui.history import actions, files, search
from personachat.ui.history import state as library_state
from personachat.ui.history.state import HISTORY_STEP, PICKED
from personachat.ui.wording import as_text, counted, marked

MOST_ROWS = 600
"""With more, people search; drawing more takes seconds."""


def draw(library: ConversationLibrary) -> None:
    """Draw the page; raises what the library raises."""
    query, filters = search.draw(library)
    sidebar.draw_outcome()
    importing = files.draw_import_outcome(library)
    rows = min(library_state.history_rows(), MOST_ROWS)
    moment, zone = now(), viewer_zone()
    if query.strip():
        results = library.search(query, filters, limit=rows)
        _draw_results(results, query, moment=moment, zone=zone)
    else:
        page = library.list(filters, limit=rows)
        _draw_list(library, page, filters, moment=moment, zone=zone)
    files.follow_import(importing)


def _draw_results(results: SearchPage, query: str, *, moment: datetime, zone: tzinfo) -> None:
    if not results.hits:
        _draw_nothing(
            f"No results for “{as_text(query[:80])}”.",
            ("All words must appear in the same message or in the title. Try fewer words or fewer filters."),
        )
        return
    number = counted(len(results.hits), "message")
    st.caption(f"The newest {number}" if results.next_cursor else f"{number}, newest first")
    for hit in results.hits:
        _draw_hit(hit, moment=moment, zone=zone)
    _draw_more(len(results.hits), "Show more", there_is=results.next_cursor is not None)


def _draw_hit(hit: Hit, *, moment: datetime, zone: tzinfo) -> None:
    is_user = hit.role == "user"
    who = f"You to {hit.persona_name}" if is_user else hit.persona_name
    icon = USER_AVATAR if is_user else DEFAULT_AVATAR
    with st.container(border=True, gap=None, key=f"hit_{hit.turn_id}"):
        _draw_link(hit.conversation, hit.created_at, zone=zone, turn_id=hit.turn_id)
        st.markdown(marked(hit.excerpt, hit.marks))
        where = "" if hit.marks else " · found in the title"
        st.caption(f"{icon} {as_text(who)} · {ago(hit.created_at, now=moment, zone=zone)}{where}")


def _draw_link(
    conversation: ConversationSummary, moment: datetime, *, zone: tzinfo, turn_id: str | None = None
) -> None:
    title = as_text(conversation.title)
    st.button(
        f"**{title}**" if turn_id else title,
        icon=drawable(conversation.avatar),
        type="tertiary",
        help=f"{title}  \n{exact(moment, zone=zone)}",
        wrap=False,
        on_click=library_state.open_conversation,
        args=(conversation.id, conversation.persona_id, turn_id),
        key=f"show_{turn_id or conversation.id}",
    )


def _draw_list(
    library: ConversationLibrary, page: ListPage, filters: Filters, *, moment: datetime, zone: tzinfo
) -> None:
    conversations = page.conversations
    if not conversations and filters == Filters():
        _draw_nothing("No conversations yet.", "Your chats appear here, and you can search them.")
        st.page_link("pages/chat.py", label="Chat", icon=":material/chat:")
        _draw_taking(library, [], filters)
        return
    if not conversations:
        _draw_nothing("No conversation matches these filters.", "Remove a filter or widen the dates.")
        return
    picked = [summary for summary in conversations if st.session_state.get(f"{PICKED}{summary.id}")]
    count = library.count(filters) if page.next_cursor else len(conversations)
    number = counted(count, "conversation")
    st.caption(f"{len(picked)} of {number} selected" if picked else f"{number}, newest first")
    _draw_taking(library, picked, filters, summaries=conversations)
    with st.container(gap="xsmall"):
        for summary in conversations:
            _draw_summary(summary, moment=moment, zone=zone)
    following = max(1, min(HISTORY_STEP, count - len(conversations)))
    _draw_more(len(conversations), f"Show {following} more", there_is=page.next_cursor is not None)


def _draw_taking(
    library: ConversationLibrary,
    picked: Sequence[ConversationSummary],
    filters: Filters,
    *,
    summaries: Sequence[ConversationSummary] = (),
) -> None:
    """Actions for the selected ones, or for all."""
    ids = [summary.id for summary in picked]
    with st.container(horizontal=True, gap="small"):
        if summaries:
            every = len(picked) == len(summaries)
            st.button(
                "Select none" if every else "Select all shown",
                icon=":material/deselect:" if every else ":material/select_all:",
                on_click=_pick,
                args=([summary.id for summary in summaries], not every),
                key="pick_all",
            )
            label = f"Export {len(ids)}" if ids else "Export all"
            with st.popover(label, icon=":material/download:", key="export_many"):
                st.caption(f"{counted(len(ids), 'conversation')} as" if ids else "All your conversations as")
                title = (picked[0].title if len(picked) == 1 else None) if ids else files.only_title(library)
                files.draw_downloads(ids or None, title=title)
        with st.popover("Import", icon=":material/upload:", key="import_many"):
            files.draw_import(library)
        if summaries:
            st.button(
                "Unarchive" if filters.archived else "Archive",
                icon=":material/unarchive:" if filters.archived else ":material/archive:",
                disabled=not ids,
                help=None if ids else "Select conversations first",
                on_click=_unarchive if filters.archived else _put_away,
                args=(ids,) if filters.archived else ("archived", picked),
                key="archive_many",
            )
            st.button(
                "Delete",
                icon=":material/delete:",
                disabled=not ids,
                help=None if ids else "Select conversations first",
                on_click=_put_away,
                args=("deleted", picked),
                key="delete_many",
            )


def _pick(ids: Sequence[str], picked: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    for conversation_id in ids:
        st.session_state[f"{PICKED}{conversation_id}"] = picked


@actions.errors_as_notice
def _put_away(how: str, picked: Sequence[ConversationSummary]) -> None:
    actions.put_away(how, [summary.id for summary in picked], picked[0].title)


@actions.errors_as_notice
def _unarchive(ids: Sequence[str]) -> None:
    for conversation_id in ids:
        session.workspace().library.archive(conversation_id, False)


def _draw_summary(summary: ConversationSummary, *, moment: datetime, zone: tzinfo) -> None:
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"row_{summary.id}"
    ):
        st.checkbox(
            f"Select {summary.title}",  # read by screen readers, never drawn as Markdown
            key=f"{PICKED}{summary.id}",
            label_visibility="collapsed",
            width="content",
        )
        with st.container(gap=None):
            _draw_link(summary, summary.updated_at, zone=zone)
            st.caption(" · ".join(_about(summary, moment=moment, zone=zone)))


def _about(summary: ConversationSummary, *, moment: datetime, zone: tzinfo) -> list[str]:
    parts = [
        as_text(summary.persona_name),
        counted(summary.turns, "message"),
        ago(summary.updated_at, now=moment, zone=zone),
    ]
    if summary.pinned:
        parts.append(":material/keep: pinned")
    if summary.shared:
        parts.append(":material/link: shared")
    return parts


def _draw_more(count: int, label: str, *, there_is: bool) -> None:
    if there_is and count >= MOST_ROWS:
        st.caption(f"Showing the newest {MOST_ROWS}. Search or filter by date to find older ones.")
    elif there_is:
        st.button(
            label,
            icon=":material/expand_more:",
            type="tertiary",
            width="stretch",
            on_click=library_state.show_more_history,
            key="more_history",
        )


def _draw_nothing(sentence: str, advice: str) -> None:
    with st.container(gap="xxsmall"):
        st.markdown(sentence)
        st.caption(advice)
