"""Sweeps on the page: the values to try, the forecast, and a grid of replies whose settings can be used."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.options import Manner
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.scoring import CaseResult
from personachat.lab.runs.wish import RunWish
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.lab.sweeping import MOST_CELLS, Axes, made_sweep, with_manner
from personachat.lab.testing import Tests
from personachat.personas import limits
from personachat.personas.persona import Persona
from personachat.services.workspace import Workspace
from personachat.ui import notices, session
from personachat.ui.session import PersonaDraft
from personachat.ui.tests import one_reply, results, running
from personachat.ui.tests.state import open_run, tests_state
from personachat.ui.wording import error_text, escaped

TONES = ("warm", "dry", "encouraging", "matter-of-fact")
STYLES = ("short paragraphs", "bullet points", "step by step", "examples first")
FORMALITIES = ("casual", "neutral", "formal")
TEMPERATURES = (0.0, 0.3, 0.7, 1.0, 1.3)
ACROSS = 3


def draw(workspace: Workspace, persona: Persona, stored_suite: StoredSuite | None) -> None:
    tests, here = workspace.tests, tests_state()
    if here.go_to:
        persona_id, here.go_to = here.go_to, ""
        st.switch_page("pages/personas.py", query_params={"id": persona_id})
    st.caption(
        "Sends the same messages with every combination of these values. An empty field uses the persona's "
        f"own value. At most {MOST_CELLS} replies."
    )
    runs = tests.runs.of(persona.id, kind="sweep")
    if not running.follow(tests, runs[:5]):
        _draw_choice(tests, persona, stored_suite)
    results.draw_runs(
        tests, runs, _draw_grid, so_far=_draw_grid_so_far, nothing="Nothing has been tried yet."
    )


def _draw_choice(tests: Tests, persona: Persona, stored_suite: StoredSuite | None) -> None:
    left, middle, right = st.columns(3, gap="small")
    with left:
        tones = _values("Tone", persona.personality.tone, TONES, key="sweep_tone")
    with middle:
        styles = _values("Style", persona.personality.style, STYLES, key="sweep_style")
    with right:
        formalities = _values("Formality", persona.personality.formality, FORMALITIES, key="sweep_formality")
    temperatures = st.multiselect(
        "Temperature",
        sorted({*TEMPERATURES, persona.temperature}),
        format_func=lambda each: f"{each:g}",
        placeholder=f"The persona's ({persona.temperature:g})",
        key="sweep_temperature",
        persist_state="session",
    )
    message = st.text_area(
        "Message",
        placeholder="A message to the persona",
        max_chars=limits.MESSAGE,
        height=80,
        key="sweep_message",
        persist_state="session",
    )
    whole = stored_suite.suite if stored_suite else None
    names = [case.name for case in whole.cases] if whole else []
    picked = (
        st.multiselect(
            "Cases from the suite", names, key=f"sweep_cases_{persona.id}", persist_state="session"
        )
        if names
        else []
    )
    axes = Axes(
        tones=tuple(tones),
        styles=tuple(styles),
        formalities=tuple(formalities),
        temperatures=tuple(temperatures),
    )
    wish, experiment, forecast = RunWish(persona_id=persona.id), None, None
    cases = [case for case in whole.cases if case.name in picked] if whole else []
    if message.strip() or cases:
        try:
            experiment = made_sweep(persona.id, axes, cases=cases, message=message)
            forecast = tests.forecast_experiment(wish, experiment)
        except PersonaChatError as error:
            st.warning(error_text(error), icon=":material/info:")
            experiment = None
    st.button(
        "Try all",
        type="primary",
        icon=":material/grid_view:",
        disabled=experiment is None or not tests.may_edit,
        help=_why_not(tests, ready=experiment is not None),
        on_click=_start,
        args=(tests, wish, experiment),
        key="start_sweep",
    )
    if forecast:
        st.caption(running.summary(forecast))


def _values(label: str, own: str, usual: tuple[str, ...], *, key: str) -> list[str]:
    """Values to choose from, the persona's own first, or to type."""
    return st.multiselect(
        label,
        list(dict.fromkeys(each for each in (own, *usual) if each)),
        placeholder=f"The persona's ({own[:40]})" if own else "The persona's",
        accept_new_options=True,
        key=key,
        persist_state="session",
    )


def _why_not(tests: Tests, *, ready: bool) -> str | None:
    if not tests.may_edit:
        return "You can't run tests here."
    return None if ready else "Write a message or choose cases, and not too many values."


def _start(tests: Tests, wish: RunWish, experiment: Experiment) -> None:
    try:
        open_run(tests.begin_experiment(wish, experiment).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was tried")


def _draw_grid(tests: Tests, report: RunReport) -> None:
    _draw_cells(tests, report, to_use=True)


def _draw_grid_so_far(tests: Tests, report: RunReport) -> None:
    _draw_cells(tests, report, to_use=False)


def _draw_cells(tests: Tests, report: RunReport, *, to_use: bool) -> None:
    cases = report.score.cases
    for start in range(0, len(cases), ACROSS):
        row = cases[start : start + ACROSS]
        for place, case in zip(st.columns(ACROSS, gap="small"), row, strict=False):
            with place:
                _draw_cell(tests, report, case, to_use=to_use)


def _draw_cell(tests: Tests, report: RunReport, case: CaseResult, *, to_use: bool) -> None:
    judged, manner = one_reply.Judged(tests), report.run.options.manners[case.number]
    with st.container(border=True, gap="xsmall", height="stretch", key=f"sweep_{case.number}"):
        st.markdown(f"{one_reply.ICONS[case.state]} **{escaped(manner.name)}**")
        st.caption(escaped(report.suite.cases[case.number].all_turns[-1].words[:200]))
        if not case.cells:
            st.caption("This reply is missing.")
        for cell in case.cells:
            one_reply.draw_cell(judged, cell)
        if to_use:
            st.button(
                "Use this one",
                icon=":material/check:",
                help="Puts these values into your unsaved draft of the persona.",
                on_click=_use,
                args=(report.run.persona_id, manner),
                key=f"use_{report.run.id}_{case.number}",
            )


def _use(persona_id: str, manner: Manner) -> None:
    """Change the draft, or start one."""
    try:
        persona = session.workspace().personas.get(persona_id)
        draft = session.drafts().get(persona_id)
        draft = draft or PersonaDraft(persona.text, persona.text, persona.etag)
        text = with_manner(draft.text, manner)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The draft wasn't changed")
        return
    session.drafts()[persona_id] = PersonaDraft(text, draft.base_text, draft.etag)
    tests_state().go_to = persona_id
