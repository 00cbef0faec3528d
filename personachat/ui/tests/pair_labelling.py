"""Labelling pairs of replies with one key each: which is better, without knowing which is newer."""

from __future__ import annotations

import streamlit as st

from personachat.lab.labels import ENOUGH
from personachat.lab.pair_labels import PairLabelling, PairToLabel
from personachat.lab.runs.model import Preference
from personachat.lab.testing import Tests
from personachat.ui.tests.chips import count_of, draw_chip
from personachat.ui.tests.label_keys import LabelKeys
from personachat.ui.tests.state import tests_state
from personachat.ui.wording import escaped

NAMES: dict[Preference, str] = {"after": "the new reply", "before": "the other reply", "tie": "neither"}


def draw(tests: Tests, due: tuple[PairToLabel, ...]) -> None:
    """One pair at a time. `due` are the remaining ones."""
    if due:
        _draw_one(tests.pairs, due[0], left=len(due))
    else:
        st.info("All pairs are labelled.", icon=":material/done_all:")
    _draw_keys(tests.pairs, due[0] if due else None)


def _draw_one(labelling: PairLabelling, item: PairToLabel, *, left: int) -> None:
    agreement = labelling.agreement(question=item.pair.question, judge=item.pair.judge)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        draw_chip(agreement)
        st.caption(f"{count_of(agreement)} · {left:,} to label", width="content")
    st.progress(min(1.0, agreement.count / ENOUGH))
    st.markdown(f"**{escaped(item.pair.question)}**")
    st.caption("User")
    st.text(item.message)
    for column, name, which in zip(st.columns(2), "AB", item.order, strict=True):
        with column:
            st.caption(f"Reply {name}")
            with st.container(border=True):
                st.text(item.text(which))


def _draw_keys(labelling: PairLabelling, item: PairToLabel | None) -> None:
    done = tests_state().labelled_pairs
    first, second = item.order if item else ("after", "before")
    answers: dict[str, tuple[str, Preference]] = {
        "A is better": ("A", first),
        "B is better": ("B", second),
        "Tie": ("T", "tie"),
    }
    LabelKeys(labelling, done, prefix="pair_").draw(item, answers)
    if done and (verdict := done[-1].pair.verdict):
        st.caption(f"Before: the judge preferred {NAMES[verdict]}.")
