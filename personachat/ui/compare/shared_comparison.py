"""What a link to a comparison shows: the messages with all replies, without anything to write or vote."""

from __future__ import annotations

import streamlit as st

from personachat.history.explanations import told_to_readers
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison
from personachat.services import Services
from personachat.ui.chat.transcript import USER_AVATAR, draw_text
from personachat.ui.compare import standing_lines
from personachat.ui.compare.board import BESIDE, group_names
from personachat.ui.dates import exact, viewer_zone
from personachat.ui.wording import escaped


def draw(services: Services, token: str) -> None:
    """Draw it. Raises ShareNotFound, DatabaseUnavailable and DatabaseDamaged."""
    comparison = services.shared_comparison(token)
    st.title(escaped(comparison.title), anchor=False)
    when = exact(comparison.updated_at, zone=viewer_zone())
    st.caption(f":material/link: Shared from PersonaChat · {when} · read-only")
    _draw_standing(comparison)
    for one in comparison.rounds:
        with st.chat_message("user", avatar=USER_AVATAR):
            st.text(one.message, width="stretch")
        for number in range(0, len(one.answers), BESIDE):
            answers = one.answers[number : number + BESIDE]
            with st.container(key=f"compare_row_shared_{one.number}_{number}"):
                for place, answer in zip(st.columns(len(answers), gap="medium"), answers, strict=True):
                    with place:
                        _draw_answer(answer, won=bool(one.vote and one.vote.letter == answer.letter))


def _draw_standing(comparison: SeenComparison) -> None:
    if comparison.standing and comparison.standing.votes:
        st.info(escaped(comparison.standing.sentence), icon=":material/leaderboard:")
        standing_lines.draw(comparison.standing, group_names(comparison))


def _draw_answer(answer: SeenAnswer, *, won: bool) -> None:
    name = answer.variant.name if answer.variant else f"Reply {answer.letter}"
    st.markdown(f"**{escaped(name)}**" + (" :green-badge[Best]" if won else ""))
    draw_text(answer.text, st.container())
    reason = answer.reply.finish_reason if answer.reply else None
    if answer.state == "missing":
        st.caption("No reply.")
    elif ended := told_to_readers(state=answer.state, finish_reason=reason):
        st.caption(ended)
