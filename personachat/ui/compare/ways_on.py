"""How an open comparison goes on: the next message, written or of the list, and the sum at which it stops."""

from __future__ import annotations

import streamlit as st

from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.ui.compare import actions
from personachat.ui.wording import escaped, money


def draw(comparisons: Comparisons, shown: SeenComparison) -> None:
    last = shown.last
    if last is None:
        return
    if not last.live and not shown.hidden:
        _draw_limit(comparisons, shown)
    waiting = shown.waiting
    if waiting and not last.live:
        st.button(
            f"Send the next message ({len(waiting)} left)",
            icon=":material/send:",
            type="primary",
            key="send_waiting",
            help=escaped(waiting[0][:200]),
            disabled=last.hidden,
            on_click=actions.send_waiting,
            args=(shown.id,),
        )
    st.bottom.chat_input(
        "Vote first" if last.hidden and not last.live else "Message all variants",
        key=actions.NEXT,
        disabled=last.live or last.hidden,
        on_submit=actions.say,
        args=(shown.id,),
    )


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
