"""The vote on a message's replies; for an incomplete blind one, buttons to complete it."""

from __future__ import annotations

import streamlit as st

from personachat.lab.comparisons.seen import SeenComparison, SeenRound
from personachat.ui.compare import actions
from personachat.ui.wording import escaped


def is_needed(comparison: SeenComparison, one: SeenRound) -> bool:
    """Whether `draw` draws anything."""
    return bool(one.vote) or one.hidden or one is comparison.last


def draw(comparison: SeenComparison, one: SeenRound) -> None:
    if one.vote and (comparison.blind or one is not comparison.last):
        _draw_vote(comparison, one)
        return
    if not is_needed(comparison, one):
        return
    if one.incomplete:
        _draw_incomplete(comparison, one)
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
                args=(comparison.id, one.number, choice),
            )
        if one.hidden:
            _draw_reveal(comparison, one)
    if one.vote:
        _draw_vote(comparison, one)


def _draw_vote(comparison: SeenComparison, one: SeenRound) -> None:
    """The vote; at the last message also the resulting standing, which is at the top as well."""
    words = _voted(one)
    if one is comparison.last and comparison.standing and comparison.standing.votes:
        words += f" {escaped(comparison.standing.sentence)}"
    st.caption(words)


def _draw_reveal(comparison: SeenComparison, one: SeenRound) -> None:
    st.button(
        "Show names",
        type="tertiary",
        icon=":material/visibility:",
        key=f"reveal_{one.number}",
        help="Your vote on this message then won't count.",
        on_click=actions.reveal,
        args=(comparison.id, one.number),
    )


def _draw_incomplete(comparison: SeenComparison, one: SeenRound) -> None:
    """A blind message with incomplete replies: which ones, and how long each takes, would reveal them."""
    stopped = all(each.state == "stopped" for each in one.answers)
    what = "The replies were stopped." if stopped else "Not all replies are complete."
    st.warning(
        f"{what} They stay hidden until all are, so that you can't tell who is who.",
        icon=":material/visibility_off:",
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if one is comparison.last:
            st.button(
                "Ask again",
                icon=":material/refresh:",
                key="retry_blind",
                help="Only the ones that are missing or were cut off.",
                on_click=actions.retry,
                args=(comparison.id, one.answers[0].letter),
            )
        _draw_reveal(comparison, one)


def _voted(one: SeenRound) -> str:
    assert one.vote
    sentences = {"tie": "You voted for a tie.", "both_bad": "You voted that none was good."}
    sentence = sentences.get(one.vote.verdict, f"You voted for {one.vote.letter}.")
    return sentence if one.vote.counted else f"{sentence} It isn't counted: {one.vote.why_not}."
