"""How well recorded replies fit the persona: its questions, the replies to use, and a chart over them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.history.filters import Filters
from personachat.lab.adherence import by_question, checked_questions, made_adherence, measured
from personachat.lab.on_save import TestSettings
from personachat.lab.replaying import recorded
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.personas.persona import Persona
from personachat.personas.store.base import Saving, StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import notices
from personachat.ui.insights import chart
from personachat.ui.insights.chart import Chart
from personachat.ui.tests import one_reply, results, running, sampling
from personachat.ui.tests.chips import draw_chip
from personachat.ui.tests.state import open_run, tests_state
from personachat.ui.wording import distinct, error_text, escaped

MOST_OFFERED = 200
DRAFT_LOOK_SECONDS = 0.5


def draw(workspace: Workspace, persona: StoredPersona) -> None:
    tests = workspace.tests
    st.caption(
        "A judge reads recorded replies and answers the persona's own questions about each: does it stay "
        "in character over a long conversation?"
    )
    questions = _draw_questions(workspace, persona)
    sampling.draw(workspace, persona)
    runs = tests.runs.of(persona.id, kind="adherence")
    if not running.follow(tests, runs[:5]):
        _draw_choice(workspace, persona, questions)
    results.draw_runs(tests, runs, draw_line, nothing="Nothing has been measured yet.")


def _draw_questions(workspace: Workspace, entry: StoredPersona) -> list[str]:
    """The questions in the field, saved or not."""
    key, settings = f"questions_{entry.etag}", TestSettings.of(entry.persona)
    if key not in st.session_state:
        st.session_state[key] = "\n".join(settings.questions)
    _take_draft(entry.id, key)
    text = st.text_area(
        "Questions, one per line",
        key=key,
        persist_state="session",
        height=150,
        placeholder="Does the reply ask a question instead of telling the answer?",
        help="Yes means that the reply fits the persona.",
    )
    may, drafting = workspace.tests.may_edit, entry.id in tests_state().question_drafts
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Draft with a model",
            icon=":material/auto_awesome:",
            disabled=not may or drafting,
            on_click=_begin_draft,
            args=(workspace.tests, entry.persona),
            key="draft_questions",
            help="Based on the persona. Edit the result.",
        )
        changed = text.split("\n") != list(settings.questions) and text.strip() != "\n".join(
            settings.questions
        )
        st.button(
            "Save questions",
            icon=":material/save:",
            disabled=not may or not changed,
            on_click=_save,
            args=(workspace, entry, settings, key),
            key="save_questions",
        )
    if drafting:
        _follow_draft(entry.id)
    return text.splitlines()


def _begin_draft(tests: Tests, persona: Persona) -> None:
    try:
        tests_state().question_drafts[persona.id] = tests.draft_questions(persona)
    except PersonaChatError as error:
        notices.say_not_done(error, title="No questions were drafted")


def _take_draft(persona_id: str, key: str) -> None:
    """Add a model's questions below those in the field."""
    draft = tests_state().question_drafts.get(persona_id)
    if draft is None or not draft.over:
        return
    del tests_state().question_drafts[persona_id]
    if draft.error:
        st.error(error_text(draft.error), icon=":material/error:")
    there = [each for each in st.session_state[key].splitlines() if each.strip()]
    st.session_state[key] = "\n".join(dict.fromkeys([*there, *draft.questions]))


@st.fragment(run_every=DRAFT_LOOK_SECONDS)
def _follow_draft(persona_id: str) -> None:
    draft = tests_state().question_drafts.get(persona_id)
    if draft is None or draft.over:
        st.rerun()
    st.markdown(":shimmer[Drafting questions]")


def _save(workspace: Workspace, persona: StoredPersona, settings: TestSettings, key: str) -> None:
    try:
        questions = checked_questions(st.session_state[key].splitlines())
        text = settings.model_copy(update={"questions": questions}).written_into(persona.text)
        workspace.personas.save(text, etag=persona.etag, saving=Saving(workspace.author, "Questions"))
    except PersonaChatError as error:
        notices.say_not_done(error, title="The questions weren't saved")
        return
    tests_state().outcome = "The persona was saved with these questions."


def _draw_choice(workspace: Workspace, persona: StoredPersona, questions: list[str]) -> None:
    tests = workspace.tests
    conversations = workspace.library.list(Filters(persona_id=persona.id), limit=MOST_OFFERED).conversations
    if not conversations:
        st.info(
            "There are no saved conversations with this persona yet. Chat with it first.",
            icon=":material/forum:",
        )
        return
    titles = distinct({each.id: each.title or "Untitled" for each in conversations})
    picked = st.multiselect(
        "Conversations",
        list(titles),
        default=list(titles)[:1],
        format_func=lambda each: titles[each],
        key=f"adherence_{persona.id}",
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        share = st.number_input(
            "Share of replies in percent",
            min_value=1,
            max_value=100,
            value=100,
            width=220,
            key="adherence_share",
            persist_state="session",
            help="A sample, the same one every time.",
        )
        most = running.cost_limit("adherence_most")
        wish = RunWish(persona_id=persona.id, most_cost_usd=most)
        make = partial(_experiment, workspace, persona.id, picked, questions, share=share / 100)
        forecast = None
        if picked and any(each.strip() for each in questions):
            try:
                forecast = tests.forecast_experiment(wish, make())
            except PersonaChatError as error:
                st.warning(error_text(error), icon=":material/info:")
        st.button(
            "Measure",
            type="primary",
            icon=":material/monitoring:",
            disabled=forecast is None or not tests.may_edit or not tests.judge_model,
            help=_why_not(tests, ready=forecast is not None),
            on_click=_start,
            args=(tests, wish, make),
            key="start_adherence",
        )
    if forecast:
        st.caption(running.summary(forecast))


def _why_not(tests: Tests, *, ready: bool) -> str | None:
    if not tests.may_edit:
        return "You can't run tests here."
    if not tests.judge_model:
        return "No judge is set. Ask the person who runs this server to set PERSONACHAT_JUDGE_MODEL."
    return None if ready else "Write questions and choose conversations."


def _experiment(
    workspace: Workspace, persona_id: str, ids: list[str], questions: list[str], *, share: float
) -> Experiment:
    talks = [recorded(workspace.chat, workspace.inspection, each, with_lore=False) for each in ids]
    return made_adherence(persona_id, talks, questions, share=share)


def _start(tests: Tests, wish: RunWish, make: Callable[[], Experiment]) -> None:
    try:
        open_run(tests.begin_experiment(wish, make()).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was measured")


def draw_line(tests: Tests, report: RunReport) -> None:
    """The chart, each question with its share and its chip, and the replies one by one."""
    chart.draw(over_turns(report))
    judged = one_reply.Judged(tests)
    for (question, judge), share in by_question(report).items():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{escaped(question)} **{escaped(share.in_words)}**")
            draw_chip(judged.agreement_on(question, judge))
    results.draw_case_list(tests, report)


def over_turns(report: RunReport) -> Chart:
    shares = measured(report)
    series: dict[str, dict[int, float | None]] = {}
    for each in shares:
        share = None if each.share is None else 100 * each.share
        series.setdefault(each.conversation, {})[each.turn] = share
    turns = sorted({each.turn for each in shares})
    measured_shares = [each.share for each in shares if each.share is not None]
    mean = sum(measured_shares) / len(measured_shares) if measured_shares else None
    return Chart(
        key="adherence",
        question="How well does each reply fit the persona?",
        option=_line([str(turn) for turn in turns], series, turns),
        columns=("Conversation", "Reply", "Answers that fit the persona"),
        rows=[(each.conversation, each.turn, each.share) for each in shares] if measured_shares else (),
        alt=(
            f"{len(measured_shares)} of {len(shares)} replies have all answers"
            + (f"; on average {mean * 100:.0f} % fit the persona." if mean is not None else ".")
        ),
        empty="No reply has all its answers. The replies below say why.",
        caption="The share of questions whose answer fits the persona. Gaps are errors.",
    )


def _line(names: list[str], series: dict[str, dict[int, float | None]], turns: list[int]) -> dict[str, Any]:
    return {
        "tooltip": {"trigger": "axis"},
        "legend": {"type": "scroll", "bottom": 0},
        "grid": {"left": 8, "right": 16, "top": 16, "bottom": 48, "containLabel": True},
        "xAxis": {"type": "category", "data": names, "name": "Reply"},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": [
            {
                "name": name,
                "type": "line",
                "showSymbol": True,
                "symbolSize": 9,
                "data": [values.get(each) for each in turns],
            }
            for name, values in series.items()
        ],
    }
