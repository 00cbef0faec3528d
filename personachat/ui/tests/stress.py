"""Stress talks on the page: the simulated user, the forecast, and the talk with its probes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.adherence import by_question, cell_share
from personachat.lab.on_save import TestSettings
from personachat.lab.runs.cells import LED_NOWHERE
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.model import Cell
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.wish import RunWish
from personachat.lab.simulated_user import MOST_GOAL, USUAL_GOAL
from personachat.lab.stress import MOST_ROUNDS, PROBES, ROUNDS, made_stress, requests_of
from personachat.lab.testing import Tests
from personachat.personas.store.base import StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import notices
from personachat.ui.insights import chart
from personachat.ui.insights.chart import Chart
from personachat.ui.tests import one_reply, results, running
from personachat.ui.tests.chips import draw_chip
from personachat.ui.tests.state import ADHERENCE, open_run
from personachat.ui.wording import counted, error_text, escaped


def draw(workspace: Workspace, persona: StoredPersona) -> None:
    tests = workspace.tests
    st.caption(
        "A simulated user talks to the persona for many rounds. At the probes, a judge answers the "
        f"persona's questions from *{ADHERENCE}*."
    )
    runs = tests.runs.of(persona.id, kind="stress")
    if not running.follow(tests, runs[:5]):
        _draw_choice(tests, persona)
    results.draw_runs(tests, runs, draw_talk, so_far=_draw_rounds, nothing="There are no stress talks yet.")


def _draw_choice(tests: Tests, entry: StoredPersona) -> None:
    questions = TestSettings.of(entry.persona).questions
    goal = st.text_area(
        "Who the user is and what they want",
        value=USUAL_GOAL,
        max_chars=MOST_GOAL,
        height=90,
        key="stress_goal",
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        user_model = st.text_input(
            "Model that plays the user",
            value=tests.judge_model or entry.persona.model,
            width=240,
            key=f"stress_user_{entry.id}",
            persist_state="session",
        ).strip()
        rounds = st.number_input(
            "Rounds",
            min_value=1,
            max_value=MOST_ROUNDS,
            value=ROUNDS,
            width=130,
            key="stress_rounds",
            persist_state="session",
        )
        probes = st.text_input(
            "Probes at rounds",
            value=", ".join(map(str, PROBES)),
            width=180,
            key="stress_probes",
            persist_state="session",
        )
        most = running.cost_limit("stress_most")
    numbers = [int(each) for each in re.findall(r"\d{1,3}", probes)]
    wish = RunWish(persona_id=entry.id, most_cost_usd=most)
    make = partial(
        made_stress,
        entry.id,
        questions,
        user_model=user_model,
        goal=goal,
        rounds=int(rounds),
        probes=numbers,
    )
    forecast = None
    try:
        forecast = tests.forecast_experiment(wish, make())
    except PersonaChatError as error:
        st.info(error_text(error), icon=":material/info:")
    st.button(
        "Start the talk",
        type="primary",
        icon=":material/forum:",
        disabled=forecast is None or not tests.may_edit,
        help=None if tests.may_edit else "You can't run tests here.",
        on_click=_start,
        args=(tests, wish, make),
        key="start_stress",
    )
    if forecast:
        st.caption(running.summary(forecast))


def _start(tests: Tests, wish: RunWish, make: Callable[[], Experiment]) -> None:
    try:
        open_run(tests.begin_experiment(wish, make()).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The talk wasn't started")


def draw_talk(tests: Tests, report: RunReport) -> None:
    """The chart over the probes, the questions with their chips, and the talk itself."""
    cells = [cell for case in report.score.cases for cell in case.cells]
    over = next((cell for cell in cells if cell.over), None)
    if over:
        st.info(escaped(f"The talk ended after round {over.case_number + 1}. {over.over}"))
    chart.draw(over_rounds(report))
    judged = one_reply.Judged(tests)
    for (question, judge), share in by_question(report).items():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{escaped(question)} **{escaped(share.in_words)}**")
            draw_chip(judged.agreement_on(question, judge))
    _draw_rounds(tests, report)
    if missed := sum(cell.error == LED_NOWHERE for cell in cells):
        st.caption(f"The talk stopped there, with {counted(missed, 'round')} left.")
    _draw_requests(report, cells)


def _draw_rounds(tests: Tests, report: RunReport) -> None:
    """The messages of both sides."""
    judged = one_reply.Judged(tests)
    for cell in (cell for case in report.score.cases for cell in case.cells):
        if cell.asked:
            st.caption(f"Round {cell.case_number + 1}: simulated user")
            st.text(cell.asked)
            one_reply.draw_cell(judged, cell)
        elif cell.error and cell.error_code != "talk_over" and cell.error != LED_NOWHERE:
            st.markdown(f":material/error: Round {cell.case_number + 1}: {escaped(cell.error)}")


def _draw_requests(report: RunReport, cells: list[Cell]) -> None:
    """The requests of both sides in one round."""
    spoken = [cell for cell in cells if cell.asked]
    if not spoken:
        return
    number = st.selectbox(
        "Requests of round",
        [cell.case_number + 1 for cell in spoken],
        index=None,
        placeholder="None",
        width=200,
        key=f"stress_requests_{report.run.id}",
    )
    if number is None:
        return
    user, persona = requests_of(report, int(number) - 1)
    for name, request in (("To the simulated user", user), ("To the persona", persona)):
        with st.expander(name, expanded=True):
            for role, words in request:
                st.caption(role)
                st.text(words)


def over_rounds(report: RunReport) -> Chart:
    points = [
        (case.number + 1, cell_share(case.cells[0]) if case.cells else None)
        for case in report.score.cases
        if any(check.kind == "judge" for check in report.suite.cases[case.number].check)
    ]
    summary = ", ".join(
        f"round {number} {'not known' if share is None else f'{share * 100:.0f} %'}"
        for number, share in points
    )
    return Chart(
        key="stress",
        question="How well does the persona hold up?",
        option={
            "tooltip": {"trigger": "axis"},
            "grid": {"left": 8, "right": 16, "top": 16, "bottom": 24, "containLabel": True},
            "xAxis": {"type": "category", "data": [str(number) for number, _ in points], "name": "Round"},
            "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
            "series": [
                {
                    "name": "Fits the persona",
                    "type": "line",
                    "symbolSize": 9,
                    "data": [None if share is None else 100 * share for _, share in points],
                }
            ],
        },
        columns=("Round", "Answers that fit the persona"),
        rows=points if any(share is not None for _, share in points) else (),
        alt=f"Answers that fit the persona: {summary}.",
        empty="No probe has all its answers. The rounds below say why.",
        caption="The share of questions whose answer fits the persona, at each probe.",
        height=220,
    )
