"""The page: an open comparison, or the choice of variants for a new one, and the saved ones."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from personachat.errors import ComparisonNotFound
from personachat.services import Services
from personachat.services.workspace import Workspace
from personachat.ui import frame, open_tabs, session, undo_line
from personachat.ui.compare import actions, board, choosing, standing_lines
from personachat.ui.compare.state import COMPARISON, compare_state, leave, open_comparison
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.notices import take
from personachat.ui.wording import counted, distinct, escaped

SEARCH = "compare_search"
STANDING_SET, EVERYONE = "compare_standing_set", "compare_everyone"
PAGE_SIZE = 30


def draw(services: Services, workspace: Workspace) -> None:
    """Draw all of it. Raises DatabaseUnavailable and DatabaseDamaged.

    Choosing and an open comparison have places of their own: the browser clears the other one at once, not
    only when the replies have ended.
    """
    notices = st.container()
    comparison_id = session.remembered(COMPARISON)
    comparison = None
    if comparison_id:
        look = partial(services.comparison_mark, workspace.owner, comparison_id)
        open_tabs.follow_one(services, workspace.owner, look)
        try:
            comparison = workspace.comparisons.seen(comparison_id)
        except ComparisonNotFound:
            leave()
            open_tabs.leave()
            notices.info(
                "This comparison doesn't exist or was deleted.", icon=":material/history_toggle_off:"
            )
    with notices:
        for notice in take("page"):
            st.error(notice.text, title=notice.title, icon=notice.icon)
        _draw_deleted()
    if comparison:
        session.remember(COMPARISON, comparison.id)
        frame.name_tab(comparison.title)
        board_place, _ = st.container(), st.empty()
        with board_place:
            board.draw(workspace.comparisons, comparison)
        return
    _, choosing_place = st.empty(), st.container()
    with choosing_place:
        st.header("Compare", anchor=False)
        choosing.draw(services, workspace)
        _draw_list(workspace)


def _draw_deleted() -> None:
    if deleted := compare_state().deleted:
        deleted_id, name = deleted
        words = f"Deleted “{escaped(name)}”."
        undo_line.draw(words, deleted_id, key="undo_comparison", restore=actions.restore)


def _draw_list(workspace: Workspace) -> None:
    """The saved comparisons, newest first."""
    sought = str(st.session_state.get(SEARCH) or "")
    comparisons = workspace.comparisons.newest(limit=PAGE_SIZE, sought=sought)
    if not comparisons and not sought:
        return
    st.subheader("Your comparisons", anchor=False)
    st.text_input(
        "Search comparisons",
        key=SEARCH,
        type="search",
        icon=":material/search:",
        placeholder="Search titles and messages",
        label_visibility="collapsed",
        max_chars=200,
    )
    if not comparisons:
        st.caption("Nothing found.")
    _draw_overall(workspace, sought)
    now, zone = datetime.now(UTC), viewer_zone()
    for each in comparisons:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                escaped(each.title),
                type="tertiary",
                key=f"open_comparison_{each.id}",
                icon=":material/visibility_off:" if each.blind else ":material/compare_arrows:",
                on_click=open_comparison,
                args=(each.id,),
            )
            votes = f" · {counted(each.votes, 'vote')}" if each.votes else ""
            when = ago(each.updated_at, now=now, zone=zone)
            st.caption(f"{counted(each.rounds, 'message')}{votes} · {when}", width="content")


def _draw_overall(workspace: Workspace, sought: str) -> None:
    """The standing of personas with their models over all listed comparisons, after the first vote."""
    votes = workspace.comparisons.overall
    if not (votes.standing(sought=sought).standing.votes or votes.others_vote):
        return
    with st.expander("Overall standing", icon=":material/leaderboard:"):
        sets = distinct({each.id: each.name for each in workspace.comparisons.questions.all()})
        set_id, everyone = None, False
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            if sets:
                set_id = st.selectbox(
                    "Messages",
                    [None, *sets],
                    format_func=lambda each: sets[each] if each else "All messages",
                    key=STANDING_SET,
                    width=260,
                )
            if votes.others_vote and not sought:
                everyone = st.toggle("Everyone's votes", key=EVERYONE)
        overall = votes.standing(sought=sought, question_set_id=set_id, everyone=everyone)
        st.markdown(escaped(overall.standing.sentence))
        if overall.standing.votes:
            standing_lines.draw(overall.standing, overall.names)
            by = ", ".join(f"{escaped(each.name)} ({each.votes:,})" for each in overall.voters)
            st.caption(f"Votes: {by}. Revisions and settings of a persona are counted together.")
