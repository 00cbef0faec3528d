"""One reply of a run: the messages, each check's finding, and the judge's verdict, which people label."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.checks.model import CheckResult
from personachat.lab.labels import Agreement, reply_key
from personachat.lab.runs.model import Cell, JudgedAnswer
from personachat.lab.runs.scoring import CaseState
from personachat.lab.testing import Tests
from personachat.ui import notices
from personachat.ui.tests import pairs
from personachat.ui.tests.chips import draw_chip
from personachat.ui.wording import counted, escaped

ICONS: dict[CaseState, str] = {
    "pass": ":material/check_circle:",
    "fail": ":material/cancel:",
    "flaky": ":material/shuffle:",
    "error": ":material/error:",
    "missing": ":material/hourglass_empty:",
}
NAMES: dict[CaseState, str] = {
    "pass": "passed",
    "fail": "failed",
    "flaky": "flaky",
    "error": "error",
    "missing": "missing",
}


@dataclass(slots=True)
class Judged:
    """People's labels and how well judges agree with them, each read once per run of the page."""

    tests: Tests
    _labels: dict[tuple[str, str], dict[str, bool]] = field(default_factory=dict)
    _agreements: dict[tuple[str, str], Agreement] = field(default_factory=dict)

    def label(self, answer: JudgedAnswer, reply: str) -> bool | None:
        about = answer.question, answer.judge
        if about not in self._labels:
            self._labels[about] = self.tests.labelling.labels(question=answer.question, judge=answer.judge)
        return self._labels[about].get(reply_key(reply))

    def agreement(self, answer: JudgedAnswer) -> Agreement:
        return self.agreement_on(answer.question, answer.judge)

    def agreement_on(self, question: str, judge: str) -> Agreement:
        about = question, judge
        if about not in self._agreements:
            self._agreements[about] = self.tests.labelling.agreement(question=question, judge=judge)
        return self._agreements[about]


def draw_cell(judged: Judged, cell: Cell) -> None:
    with st.container(border=True, gap="xsmall"):
        facts = [f"Reply {cell.attempt + 1}: {NAMES[cell.outcome]}", escaped(cell.model)]
        if cell.tokens is not None:
            facts.append(counted(cell.tokens, "token"))
        if cell.seconds is not None:
            facts.append(f"{cell.seconds:.1f} s")
        if cell.retried:
            facts.append("second try")
        st.caption(f"{ICONS[cell.outcome]} {' · '.join(filter(None, facts))}")
        if cell.reason:
            st.caption(f":material/swap_horiz: {escaped(cell.reason)}")
        st.text(cell.reply or "(no text)")
        if cell.error:
            st.markdown(f":material/error: {escaped(cell.error)}")
        for result in cell.results:
            st.markdown(check_line(result))
        for number, answer in enumerate(cell.judged):
            key = f"{cell.case_number}_{cell.attempt}_{number}"
            _draw_judged(judged, cell, answer, key=key)
        if cell.pair:
            pairs.draw_verdict(cell.pair)


def check_line(result: CheckResult) -> str:
    kind = escaped(result.kind.replace("_", " "))
    return f"{ICONS[result.outcome]} **{kind}**: {escaped(result.finding.found)}"


def _draw_judged(judged: Judged, cell: Cell, answer: JudgedAnswer, *, key: str) -> None:
    """The judge's verdict, how reliable it is, and two buttons to label it."""
    st.caption(f":material/gavel: {escaped(answer.question)}")
    if answer.quote:
        st.caption(f"Quotes: {escaped(answer.quote)}")
    if answer.warning:
        st.caption(f":material/warning: {escaped(answer.warning)}")
    if answer.verdict is None:
        return
    verdict, agreement = judged.label(answer, cell.reply), judged.agreement(answer)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        draw_chip(agreement)
        st.caption("The right answer is")
        for label, name in ((True, "Yes"), (False, "No")):
            st.button(
                name,
                type="primary" if verdict is label else "secondary",
                on_click=_label,
                args=(judged.tests, cell, answer, label),
                key=f"label_{key}_{name}",
            )


def _label(tests: Tests, cell: Cell, answer: JudgedAnswer, label: bool) -> None:  # noqa: FBT001  # a caller gives it by its place
    try:
        tests.labelling.label(
            question=answer.question,
            judge=answer.judge,
            reply=cell.reply,
            label=label,
            verdict=bool(answer.verdict),
        )
    except PersonaChatError as error:
        notices.say_not_done(error, title="The answer wasn't saved")
