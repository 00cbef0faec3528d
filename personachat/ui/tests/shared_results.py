"""What a link to a run shows: each case with its replies and checks, without anything to run or label."""

from __future__ import annotations

import streamlit as st

from personachat.lab.results import SharedResults
from personachat.lab.runs.model import Cell
from personachat.lab.runs.scoring import CaseResult
from personachat.services import Services
from personachat.ui.dates import exact, viewer_zone
from personachat.ui.tests.chips import draw_chip
from personachat.ui.tests.one_reply import ICONS, NAMES, check_line
from personachat.ui.tests.run_names import ENDS
from personachat.ui.tests.state import SHOWN_CASES, tests_state
from personachat.ui.wording import escaped


def draw(services: Services, token: str) -> None:
    """Draw it. Raises ShareNotFound, DatabaseUnavailable and DatabaseDamaged."""
    results = services.shared_results(token)
    st.title(escaped(f"Tests of {results.persona}"), anchor=False)
    when = exact(results.run.began_at, zone=viewer_zone())
    st.caption(f":material/link: Shared from PersonaChat · {when} · read-only")
    whole, replies = results.score.whole, results.score.replies
    st.markdown(
        f"**{whole.in_words}** cases passed in every repeat, {replies.in_words} replies passed. "
        f"The run is {ENDS[results.run.state]}."
    )
    if not results.words:
        st.info(
            "The persona's prompt is hidden, so only results are shown.", icon=":material/visibility_off:"
        )
    for trust in results.judges:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            question = escaped(trust.question) if results.words else "A judge's question"
            st.caption(f":material/gavel: {question}", width="content")
            draw_chip(trust.agreement)
    ordered = sorted(results.score.cases, key=lambda case: case.state == "pass")
    rows = tests_state().shared_rows
    for case in ordered[:rows]:
        _draw_case(results, case)
    if len(ordered) > rows:
        st.button(f"Show {len(ordered) - rows:,} more", key="more_shared_cases", on_click=_show_more)


def _draw_case(results: SharedResults, case: CaseResult) -> None:
    name = case.name if results.words else f"Case {case.number + 1}"
    label = f"{ICONS[case.state]} {escaped(name)}: {NAMES[case.state]}, {case.passes} of {case.planned}"
    if not results.words:
        st.markdown(label)
        return
    with st.expander(label, key=f"shared_case_{case.number}"):
        for turn in results.suite.cases[case.number].all_turns:
            st.caption("User" if turn.user else "Assistant")
            st.text(turn.words)
        for cell in case.cells:
            _draw_cell(cell)


def _draw_cell(cell: Cell) -> None:
    with st.container(border=True, gap="xsmall"):
        st.caption(f"{ICONS[cell.outcome]} Reply {cell.attempt + 1}: {NAMES[cell.outcome]}")
        st.text(cell.reply or "(no text)")
        for result in cell.results:
            st.markdown(check_line(result))


def _show_more() -> None:
    tests_state().shared_rows += SHOWN_CASES
