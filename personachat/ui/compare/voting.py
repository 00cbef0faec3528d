"""The vote on a message's replies; of a blind one that isn't whole, the ways to make it so."""

from __future__ import annotations

import streamlit as st

from personachat.lab.comparisons.seen import SeenComparison, SeenRound
from personachat.ui.compare import actions


def draw(shown: SeenComparison, one: SeenRound) -> None:
    if one.vote and (shown.blind or one is not shown.last):
        st.caption(_voted(one))
        return
    if not one.hidden and one is not shown.last:
        return
    if one.incomplete:
        _draw_incomplete(shown, one)
        return
    two = len(one.answers) == 2
    choices = {each.letter: f"{each.letter} is {'better' if two else 'best'}" for each in one.answers}
    choices |= {"tie": "Tie", "both_bad": "Both bad" if two else "All bad"}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for choice, label in choices.items():
            st.button(
                label,
                key=f"vote_{one.number}_{choice}",
                on_click=actions.vote,
                args=(shown.id, one.number, choice),
            )
        if one.hidden:
            _draw_reveal(shown, one)
    if one.vote:
        st.caption(_voted(one))


def _draw_reveal(shown: SeenComparison, one: SeenRound) -> None:
    st.button(
        "Show names",
        type="tertiary",
        icon=":material/visibility:",
        key=f"reveal_{one.number}",
        help="Your vote on this message won't count after that.",
        on_click=actions.reveal,
        args=(shown.id, one.number),
    )


def _draw_incomplete(shown: SeenComparison, one: SeenRound) -> None:
    """A blind message whose replies aren't all whole: which aren't, and how long one takes, would tell."""
    stopped = all(each.state == "stopped" for each in one.answers)
    what = "The replies were stopped." if stopped else "Not all replies are complete."
    st.warning(
        f"{what} They stay hidden until all are, so that you can't tell who is who.",
        icon=":material/visibility_off:",
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if one is shown.last:
            st.button(
                "Ask again",
                icon=":material/refresh:",
                key="retry_blind",
                help="Those that are missing or were cut off.",
                on_click=actions.retry,
                args=(shown.id, one.answers[0].letter),
            )
        _draw_reveal(shown, one)


def _voted(one: SeenRound) -> str:
    assert one.vote
    said = {"tie": "You voted for a tie.", "both_bad": "You voted that none was good."}
    told = said.get(one.vote.verdict, f"You voted for {one.vote.letter}.")
    return told if one.vote.counted else f"{told} It isn't counted: {one.vote.why_not}."
