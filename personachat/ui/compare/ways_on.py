"""How an open comparison goes on: the next message, written or of the list, and the sum at which it stops."""

from __future__ import annotations

import streamlit as st

from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.ui.compare import actions
from personachat.ui.compare.state import compare_state
from personachat.ui.wording import escaped, money


def draw(comparisons: Comparisons, shown: SeenComparison) -> None:
    last = shown.last
    if last is None:
        return
    if not last.live and not shown.hidden:
        _draw_limit(comparisons, shown)
    if shown.waiting and not last.live:
        _draw_waiting(shown)
    st.bottom.chat_input(
        "Vote first" if last.hidden and not last.live else "Message all variants",
        key=actions.NEXT,
        disabled=last.live or last.hidden,
        on_submit=actions.say,
        args=(shown.id,),
    )


def _send_next(comparison_id: str) -> None:
    actions.send_waiting(comparison_id)


def _draw_waiting(shown: SeenComparison) -> None:
    """The ways to send what waits; while all is being sent, the next message goes off here."""
    assert shown.last
    if _goes_on(shown):
        if actions.send_next(shown.id):
            st.rerun()
        compare_state().sending_all.discard(shown.id)
        st.rerun()  # to say why not
    count = len(shown.waiting)
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Send the next message ({count} left)",
            icon=":material/send:",
            type="primary",
            key="send_waiting",
            help=escaped(shown.waiting[0][:200]),
            disabled=shown.last.hidden,
            on_click=_send_next,
            args=(shown.id,),
        )
        if count > 1 and not shown.blind:
            st.button(
                "Send all",
                icon=":material/playlist_play:",
                key="send_all",
                help="One after another, as long as this page is open and no reply fails.",
                on_click=actions.send_all,
                args=(shown.id,),
            )


def _goes_on(shown: SeenComparison) -> bool:
    sending = compare_state().sending_all
    if shown.id not in sending:
        return False
    if shown.hidden or any(each.state != "finished" for each in (shown.last.answers if shown.last else ())):
        sending.discard(shown.id)
    return shown.id in sending


def _draw_limit(comparisons: Comparisons, shown: SeenComparison) -> None:
    """Where it stops, what it has cost so far, and the way to another sum."""
    if shown.most_cost_usd is None:
        return
    spent, limit = comparisons.spent_usd(shown.id), shown.most_cost_usd
    key = f"compare_limit_{shown.id}"
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
            st.button("Change", key="change_limit", on_click=actions.raise_limit, args=(shown.id, key))
