"""Labelling pairs of replies with one key each: which one is better, seen without knowing which is newer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.labels import ENOUGH
from personachat.lab.pair_labels import PairLabelling, PairToLabel
from personachat.lab.runs.model import Preference
from personachat.lab.testing import Tests
from personachat.ui import notices
from personachat.ui.tests import pairs
from personachat.ui.tests.state import tests_state
from personachat.ui.wording import escaped

NAMES: dict[Preference, str] = {"after": "the new reply", "before": "the other reply", "tie": "neither"}


def draw(tests: Tests, due: tuple[PairToLabel, ...]) -> None:
    """One pair at a time. `due` are those that are left."""
    if due:
        _draw_one(tests.pairs, due[0], left=len(due))
    else:
        st.info("All pairs have their answer.", icon=":material/done_all:")
    _draw_keys(tests.pairs, due[0] if due else None)


def _draw_one(labelling: PairLabelling, item: PairToLabel, *, left: int) -> None:
    agreement = labelling.agreement(question=item.pair.question, judge=item.pair.judge)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pairs.draw_chip(agreement)
        st.caption(f"{agreement.count} of {ENOUGH} labels · {left:,} to label", width="content")
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
    """The buttons, each with its key. They are of this pair: a key that comes late labels no other one."""
    done = tests_state().labelled_pairs
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if item:
            first, second = item.order
            _button("A is better", "A", item.key, _label, labelling, item, first)
            _button("B is better", "B", item.key, _label, labelling, item, second)
            _button("Tie", "T", item.key, _label, labelling, item, "tie")
            _button("Skip", "S", item.key, _skip, item)
        if done:
            _button("Undo", "U", done[-1].key, _undo, labelling)
    if done and (verdict := done[-1].pair.verdict):
        st.caption(f"Before: the judge preferred {NAMES[verdict]}.")


def _button(name: str, key: str, of: str, do: Callable[..., None], *args: object) -> None:
    kind: Literal["secondary", "tertiary"] = "tertiary" if name in {"Skip", "Undo"} else "secondary"
    st.button(name, key=f"pair_{key.lower()}_{of}", shortcut=key, type=kind, on_click=do, args=args)


def _label(labelling: PairLabelling, item: PairToLabel, label: Preference) -> None:
    try:
        labelling.answer(item, label=label)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The answer wasn't kept")
        return
    tests_state().labelled_pairs.append(item)


def _skip(item: PairToLabel) -> None:
    tests_state().skipped.add(item.key)


def _undo(labelling: PairLabelling) -> None:
    done = tests_state().labelled_pairs
    if not done:
        return
    try:
        labelling.take_back(done[-1])
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was undone")
        return
    done.pop()
