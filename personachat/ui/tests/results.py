"""The results of a run: shares with their intervals, what changed, and each case with all its replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

import streamlit as st

from personachat.errors import PersonaChatError, SuiteRunNotFound
from personachat.lab.replaying import changed_share, lore_note
from personachat.lab.runs.documents import junit, run_document
from personachat.lab.runs.model import Run
from personachat.lab.runs.options import kind_of
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.scoring import CaseResult, Comparison, Score, score
from personachat.lab.testing import Tests
from personachat.personas.word_diff import compared_words
from personachat.ui import notices
from personachat.ui.dates import viewer_zone
from personachat.ui.personas.diff import draw_words
from personachat.ui.tests import history, pairs, sharing
from personachat.ui.tests.chips import draw_chip
from personachat.ui.tests.one_reply import ICONS, NAMES, Judged, draw_cell
from personachat.ui.tests.run_names import run_names
from personachat.ui.tests.state import SHOWN_CASES, open_run, run_open, tests_state
from personachat.ui.wording import counted, escaped, money

LIVE_SECONDS, MOST_LIVE = 2.0, 20
"""How often arriving replies are drawn, and for how many cases."""
_COST = "Includes the judge's calls."
_UNPRICED = "The price of one model isn't known, so its calls are not included."
_CHANGES = {"better": ":material/trending_up:", "worse": ":material/trending_down:"}


Body: TypeAlias = Callable[[Tests, RunReport], None]
"""Draws the cases of a run, below what all runs have in common."""


def draw(tests: Tests, persona_id: str) -> None:
    """The runs of the suite, one of them open, and their results over time."""
    draw_runs(tests, tests.runs.of(persona_id), _draw_cases, nothing="Nothing has been run yet.")


def draw_replays(tests: Tests, persona_id: str) -> None:
    runs = tests.runs.of(persona_id, kind="replay")
    draw_runs(
        tests, runs, _draw_replayed, so_far=_draw_replayed_so_far, nothing="Nothing has been replayed yet."
    )


def draw_runs(
    tests: Tests, runs: tuple[Run, ...], body: Body, *, so_far: Body | None = None, nothing: str
) -> None:
    """One of these runs: its figures, what changed, and its cases drawn by `body`.

    While it runs, `so_far` draws the cases with replies; the rest doesn't exist yet.
    """
    if not runs:
        st.caption(nothing)
        return
    run = _pick(runs)
    if run.state == "running" and tests.runs.underway(run.id):
        _draw_so_far(tests, run.id, so_far or _draw_cases_so_far)
        return
    try:
        report = tests.runs.report(run.id)
    except SuiteRunNotFound:
        open_run(None)
        st.rerun()
    _draw_head(tests, report)
    if report.comparison and report.before:
        _draw_changes(report.comparison)
    pairs.draw_score(report)
    _draw_judges(report)
    body(tests, report)


@st.fragment(run_every=LIVE_SECONDS)
def _draw_so_far(tests: Tests, run_id: str, body: Body) -> None:
    """Replies as they arrive, in the order of the cases. When the run ends, the page is redrawn."""
    underway = tests.runs.underway(run_id)
    if underway is None:
        return
    run, suite = underway.run, underway.suite
    begun = tuple(case for case in score(run, suite, underway.cells).cases if case.cells)
    if not begun:
        st.caption("The first reply is shown when it is whole.")
        return
    body(tests, RunReport(run, suite, Score(begun[:MOST_LIVE])))
    if len(begun) > MOST_LIVE:
        st.caption(f"{counted(len(begun) - MOST_LIVE, 'more case')} with replies.")


def _draw_cases_so_far(tests: Tests, report: RunReport) -> None:
    judged = Judged(tests)
    for case in report.score.cases:
        state = case.cells[-1].outcome if case.state == "missing" else case.state
        so_far = f"{case.passes} of {len(case.cells)} passed so far"
        _draw_case(judged, report, case, f"{ICONS[state]} {escaped(case.name)}: {so_far}")


def _draw_cases(tests: Tests, report: RunReport) -> None:
    draw_case_list(tests, report)
    history.draw(tests, tests.runs.of(report.run.persona_id))


def draw_case_list(tests: Tests, report: RunReport) -> None:
    """Each case with all its replies, those that didn't pass first."""
    ordered = sorted(report.score.cases, key=lambda case: case.state == "pass")
    judged = Judged(tests)
    for case in ordered[: tests_state().rows]:
        _draw_case(judged, report, case)
    _draw_more(len(ordered))


def _draw_replayed(tests: Tests, report: RunReport) -> None:
    """Each reply beside the recorded one, the most changed first."""
    _draw_course(report)
    in_order = sorted(report.score.cases, key=lambda case: -_changed(report, case))
    judged = Judged(tests)
    for case in in_order[: tests_state().rows]:
        _draw_replayed_case(judged, report, case)
    _draw_more(len(in_order))


def _draw_replayed_so_far(tests: Tests, report: RunReport) -> None:
    """In the order of the cases, so that none moves while it is being read."""
    _draw_course(report)
    judged = Judged(tests)
    for case in report.score.cases:
        _draw_replayed_case(judged, report, case)


def _draw_course(report: RunReport) -> None:
    if report.run.options.course == "own":
        st.caption(
            "Following the new replies: after the person's recorded messages and the new replies to them."
        )


def _changed(report: RunReport, case: CaseResult) -> float:
    """The share of words that changed; -1 if the reply is missing."""
    return changed_share(report.suite.cases[case.number].reference, case.cells[0].reply) if case.cells else -1


def _draw_replayed_case(judged: Judged, report: RunReport, case: CaseResult) -> None:
    recorded, options = report.suite.cases[case.number], report.run.options
    text = "missing" if not case.cells else f"{_changed(report, case) * 100:.0f} % of the words changed"
    verdict = pairs.summary(case.cells[0].pair) if case.cells else ""
    label = f"{ICONS[case.state]} {escaped(case.name)}: {text}{verdict}"
    with st.expander(label, key=_case_key(report.run.id, case.number)):
        st.caption("User")
        st.text(recorded.all_turns[-1].words)
        for note in options.notes.get(case.number, ()):
            st.caption(f":material/info: {escaped(note)}")
        for cell in case.cells:
            if note := lore_note(options.lore.get(case.number, ()), cell.lore):
                st.caption(f":material/info: {escaped(note)}")
            st.caption("What changed since the recorded reply")
            draw_words(compared_words(recorded.reference, cell.reply))
            draw_cell(judged, cell)


def _draw_more(count: int) -> None:
    left = count - tests_state().rows
    if left > 0:
        st.button(
            f"Show {min(left, SHOWN_CASES)} more",
            icon=":material/expand_more:",
            on_click=_show_more,
            key="more",
        )


def _show_more() -> None:
    tests_state().rows += SHOWN_CASES


def _pick(runs: tuple[Run, ...]) -> Run:
    by_id = {run.id: run for run in runs}
    opened = run_open()
    if opened not in by_id:
        opened = runs[0].id
    names = run_names(runs, zone=viewer_zone())
    key = f"tests_run_{opened}_{len(runs)}_{by_id[opened].state}"  # so that it shows the current state
    picked = st.selectbox(
        "Run",
        list(by_id),
        index=list(by_id).index(opened),
        format_func=lambda each: names[each],
        on_change=_picked,
        key=key,
        args=(key,),
    )
    return by_id[str(picked)]


def _picked(key: str) -> None:
    open_run(str(st.session_state[key]))


def _draw_head(tests: Tests, report: RunReport) -> None:
    run, scored = report.run, report.score
    whole, replies = scored.whole, scored.replies
    likely = "In 95 of 100 such tests, the share that further runs would reach is in this range."
    figures = (
        ("Cases that pass every time", f"{whole.hits:,} of {whole.count:,}", whole.interval_in_words, likely),
        (
            "Replies that pass",
            f"{replies.hits:,} of {replies.count:,}",
            replies.interval_in_words,
            "Errors and missing replies count as failed.",
        ),
        (
            "Cost",
            _cost_in_words(scored),
            "" if scored.cost_is_whole or not scored.cost_usd else "and more",
            _COST if scored.cost_is_whole else f"{_COST} {_UNPRICED}",
        ),
    )
    for place, (label, value, interval, help_text) in zip(st.columns(3, gap="small"), figures, strict=True):
        with place:
            st.metric(
                label,
                escaped(value),
                interval or None,
                delta_color="off",
                delta_arrow="off",
                help=help_text,
                border=True,
                height="stretch",
            )
    with st.container(horizontal=True, gap="small"):
        left = run.planned - scored.done
        if run.state in {"cancelled", "interrupted", "limit"} and left:
            st.button(
                "Run the missing reply" if left == 1 else f"Run the {left:,} missing replies",
                icon=":material/resume:",
                on_click=_resume,
                args=(tests, run.id),
                disabled=not tests.may_edit,
                key="resume_run",
            )
        name = f"tests-{run.persona_id}-{run.began_at:%Y-%m-%d}"
        st.download_button(
            "JSON",
            lambda: _json(report),
            f"{name}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="run_json",
        )
        st.download_button(
            "JUnit",
            lambda: junit([report]),
            f"{name}.xml",
            "application/xml",
            icon=":material/download:",
            on_click="ignore",
            key="run_junit",
        )
        if kind_of(run.suite_etag) == "suite":
            sharing.draw(tests, run.id)
        with st.popover("Delete run", icon=":material/delete:"):
            st.markdown("Deletes its results and replies. This can't be undone.")
            st.button("Delete", type="primary", on_click=_delete, args=(tests, run.id), key="delete_run")


def _draw_judges(report: RunReport) -> None:
    """How reliable the judges are whose answers are in the figures above."""
    if report.run.kind not in {"suite", "replay", "sweep"}:
        return  # the others show it beside each question's own share
    for trust in report.judges:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/gavel: {escaped(trust.question)}", width="content")
            draw_chip(trust.agreement)


def _cost_in_words(scored: Score) -> str:
    if scored.cost_usd is None or (not scored.cost_usd and not scored.cost_is_whole):
        return "unknown"
    return money(scored.cost_usd)


def _json(report: RunReport) -> bytes:
    """Created on download: a run may contain a thousand replies."""
    return json.dumps(run_document(report), indent=2, ensure_ascii=False).encode("utf-8", "replace")


def _draw_changes(comparison: Comparison) -> None:
    summary = ", ".join(
        f"{len(cases)} {change}"
        for change in ("better", "worse", "same", "new", "missing", "unclear")
        if (cases := comparison.of(change))
    )
    st.markdown(f"**Since the run before:** {summary}")
    for each in comparison.changes:
        if each.change in _CHANGES and each.before and each.after:
            st.markdown(
                f"{_CHANGES[each.change]} {escaped(each.name)}: {NAMES[each.before]}, now {NAMES[each.after]}"
            )
    if comparison.differing:
        st.caption(
            f":material/warning: {escaped(', '.join(comparison.differing).capitalize())} changed as well, "
            "so the persona may not be the reason."
        )


def _draw_case(judged: Judged, report: RunReport, case: CaseResult, label: str = "") -> None:
    label = label or (
        f"{ICONS[case.state]} {escaped(case.name)}: {NAMES[case.state]}, {case.passes} of {case.planned}"
    )
    with st.expander(label, expanded=False, key=_case_key(report.run.id, case.number)):
        for turn in report.suite.cases[case.number].all_turns:
            st.caption("User" if turn.user else "Assistant")
            st.text(turn.words)
        for cell in case.cells:
            draw_cell(judged, cell)
        if len(case.cells) < case.planned:
            st.caption(f"{case.planned - len(case.cells)} of {case.planned} replies are missing.")


def _resume(tests: Tests, run_id: str) -> None:
    try:
        tests.resume(run_id)
        open_run(run_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The run can't be resumed")


def _delete(tests: Tests, run_id: str) -> None:
    try:
        tests.runs.delete(run_id)
        open_run(None)
    except PersonaChatError as error:
        notices.say_not_done(error)


def _case_key(run_id: str, number: int) -> str:
    """The key of one case's box."""
    return f"case_{run_id}_{number}"
