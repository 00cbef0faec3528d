"""Conversations that need a look, and why; each reason opens the chat at its turn."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

import streamlit as st

from personachat.insights.attention import Reason, Suggested
from personachat.insights.service import Insights
from personachat.stamps import now
from personachat.ui.chat.transcript import TITLES
from personachat.ui.dates import ago
from personachat.ui.history import state
from personachat.ui.insights import chart
from personachat.ui.insights.figures import seconds
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.state import SUGGESTED_STEP, insights_state
from personachat.ui.wording import escaped

QUESTION = "Which conversations should you look at?"
EMPTY = (
    "Nothing stands out in this period: no thumbs down, no failures, no replies cut off at their "
    "limit, no long waits and no reply retried again and again."
)
MOST_REASONS = 4
MOST_NOTE_CHARACTERS = 80

_ICONS = {
    "disliked": ":material/thumb_down:",
    "failed": ":material/error:",
    "cut": ":material/content_cut:",
    "waited": ":material/hourglass:",
    "retried": ":material/sync_problem:",
    "regenerated": ":material/refresh:",
}


def draw(insights: Insights, period: ChosenPeriod) -> None:
    suggestions = insights.suggested(period.question)
    with st.container(border=True, gap="small", key="suggested"):
        st.subheader(QUESTION, anchor=False)
        theirs = period.question.person not in {None, insights.me}
        if theirs:
            st.info("Other people's conversations can only be read by them.", icon=":material/lock:")
            return
        if not suggestions:
            st.info(EMPTY, icon=":material/sentiment_satisfied:")
            return
        st.caption("Your own conversations. Those with the most reasons come first.")
        rows = insights_state().suggested_rows
        for each in suggestions[:rows]:
            _draw_conversation(each, period)
        if len(suggestions) > rows:
            st.button(
                f"Show more ({len(suggestions) - rows})",
                icon=":material/expand_more:",
                type="tertiary",
                key="more_suggested",
                on_click=_show_more,
            )
        chart.draw_numbers("conversations", _COLUMNS, _rows(suggestions))


def _draw_conversation(suggested: Suggested, period: ChosenPeriod) -> None:
    when = ago(suggested.reasons[0].at, now=now(), zone=period.question.zone)
    title = shorten(suggested.title, 80, placeholder=" …") or "Untitled"
    with st.container(gap=None, key=f"look_{suggested.id}"):
        st.markdown(f"**{escaped(title)}**")
        st.caption(f"{escaped(suggested.persona_name)} · {when}")
        with st.container(horizontal=True, gap="small"):
            for number, reason in enumerate(suggested.reasons[:MOST_REASONS]):
                st.button(
                    escaped(words(reason)),
                    icon=_ICONS[reason.kind],
                    type="tertiary",
                    help="Open the chat at this message",
                    key=f"look_{suggested.id}_{number}",
                    on_click=state.open_conversation,
                    args=(suggested.id, suggested.persona_id, reason.turn_id),
                )
            if len(suggested.reasons) > MOST_REASONS:
                st.caption(f"and {len(suggested.reasons) - MOST_REASONS} more", width="content")


def words(reason: Reason) -> str:
    """The reason in words; plain text."""
    number = reason.number
    if reason.kind == "disliked":
        note = shorten(reason.note, MOST_NOTE_CHARACTERS, placeholder=" …")
        return f"Thumbs down: “{note}”" if note else "Thumbs down"
    if reason.kind == "failed":
        title = TITLES.get(reason.error_code, "")
        return f"Failed: {title[:1].lower()}{title[1:]}" if title else "Failed"
    if reason.kind == "cut":
        return "Cut off at its limit" if number is None else f"Cut off at its limit of {number:,.0f} tokens"
    if reason.kind == "waited":
        return f"First word after {seconds(number or 0)}"
    if reason.kind == "retried":
        return f"Asked the provider {(number or 0) + 1:.0f} times"
    return f"{number or 0:.0f} replies to one message"


_COLUMNS = ("conversation", "title", "persona", "reason", "message", "when")


def _rows(suggestions: Sequence[Suggested]) -> list[tuple[object, ...]]:
    return [
        (
            each.id,
            each.title,
            each.persona_name,
            words(reason),
            reason.turn_id,
            reason.at.isoformat(timespec="seconds"),
        )
        for each in suggestions
        for reason in each.reasons
    ]


def _show_more() -> None:
    insights_state().suggested_rows += SUGGESTED_STEP
