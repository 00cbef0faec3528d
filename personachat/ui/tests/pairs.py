"""The verdicts of a judge that compares replies: the shares of a run, and each pair."""

from __future__ import annotations

import streamlit as st

from personachat.lab.runs.model import PairVerdict
from personachat.lab.runs.pairs import score_pairs
from personachat.lab.runs.reports import RunReport
from personachat.ui.tests.chips import draw_chip
from personachat.ui.wording import escaped

NAMES = {"after": "This reply is better", "before": "The other reply is better", "tie": "Tie"}
ICONS = {"after": ":material/trending_up:", "before": ":material/trending_down:", "tie": ":material/equal:"}
ORDERS = ("other reply first", "this reply first")


def draw_score(report: RunReport) -> None:
    """The shares with their intervals; nothing if no replies were compared."""
    score = score_pairs(report.score)
    if score is None:
        return
    other = "those of the other run" if report.run.options.against else "the recorded ones"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Compared with {other}:** {escaped(score.sentence)}")
        for trust in report.pair_judges:
            draw_chip(trust.agreement)
    st.caption(f":material/balance: {escaped(report.run.options.pairwise)}")


def draw_verdict(pair: PairVerdict) -> None:
    """One pair: the verdict, and what the judge said in each order."""
    if pair.verdict is None:
        st.markdown(f":material/error: **pair**: {escaped(pair.trouble)}")
        return
    label = NAMES[pair.verdict]
    if pair.flipped:
        label = "Tie, because the order of the replies changed the verdict"
    st.markdown(f"{ICONS[pair.verdict]} **pair**: {escaped(label)}")
    if len(pair.reasons) == 1:
        st.caption(escaped(pair.reasons[0]))
    else:
        for order, answer, reason in zip(ORDERS, pair.answers, pair.reasons, strict=False):
            st.caption(escaped(f"With the {order}: {NAMES[answer].lower()}. {reason}"))
    if pair.warning:
        st.caption(f":material/warning: {escaped(pair.warning)}")


def summary(pair: PairVerdict | None) -> str:
    """A few words for a collapsed line; "" if nothing was compared."""
    if pair is None:
        return ""
    if pair.verdict is None:
        return ", not compared"
    return {"after": ", better", "before": ", worse", "tie": ", tie"}[pair.verdict]
