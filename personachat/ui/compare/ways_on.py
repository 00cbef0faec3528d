"""How an open comparison continues: the next message, typed or from the list, and the cost limit."""

from __future__ import annotations

import streamlit as st

from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.ui.compare import actions
from personachat.ui.wording import counted, escaped, money


def draw(comparisons: Comparisons, comparison: SeenComparison) -> None:
    last = comparison.last
    if last is None:
        return
    if not last.live and not comparison.hidden:
        _draw_limit(comparisons, comparison)
    sending = comparison.list_state == "sending"
    with st.container() if sending else st.empty():
        if sending:
            _draw_sending(comparison)
    waits = bool(comparison.waiting) and not last.live and not sending
    with st.container() if waits else st.empty():
        if waits:
            _draw_waiting(comparison)
    st.bottom.chat_input(
        "Vote first" if last.hidden and not last.live else "Message all variants",
        key=actions.NEXT,
        disabled=last.live or last.hidden or sending,
        on_submit=actions.say,
        args=(comparison.id,),
    )


def _draw_sending(comparison: SeenComparison) -> None:
    """How far the server is in the list, and a button to stop it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/playlist_play: Sending the list: {counted(len(comparison.waiting), 'message')} left. "
            "You can close this page.",
            width="content",
        )
        st.button(
            "Stop the list",
            icon=":material/stop_circle:",
            type="tertiary",
            key="stop_list",
            on_click=actions.stop,
            args=(comparison.id,),
        )


def _draw_waiting(comparison: SeenComparison) -> None:
    """Buttons to send the waiting messages, and why sending stopped."""
    assert comparison.last
    if comparison.list_state == "stopped" and comparison.list_notice:
        st.warning(f"The list stopped. {escaped(comparison.list_notice)}", icon=":material/playlist_remove:")
    count = len(comparison.waiting)
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Send the next message ({count} left)",
            icon=":material/send:",
            type="primary",
            key="send_waiting",
            help=escaped(comparison.waiting[0][:200]),
            disabled=comparison.last.hidden,
            on_click=actions.send_next,
            args=(comparison.id,),
        )
        if (count > 1 or comparison.list_state) and not comparison.blind:
            st.button(
                "Continue the list" if comparison.list_state == "stopped" else "Send all",
                icon=":material/playlist_play:",
                key="send_all",
                help="One after another, even if you close this page. It stops if a reply fails.",
                on_click=actions.send_all,
                args=(comparison.id,),
            )


def _draw_limit(comparisons: Comparisons, comparison: SeenComparison) -> None:
    """The cost limit, the cost so far, and a field to change the limit."""
    if comparison.most_cost_usd is None:
        return
    spent, limit = comparisons.spent_usd(comparison.id), comparison.most_cost_usd
    key = f"compare_limit_{comparison.id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(escaped(f"Cost {money(spent)} so far · stops at {money(limit)}"), width="content")
        with st.popover("Change the limit", icon=":material/savings:", type="tertiary"):
            st.number_input(
                "Stop at $",
                0.0,
                MOST_LIMIT_USD,
                limit,
                step=0.1,
                format="%.4g",
                key=key,
                placeholder="No limit",
            )
            st.button("Change", key="change_limit", on_click=actions.raise_limit, args=(comparison.id, key))
