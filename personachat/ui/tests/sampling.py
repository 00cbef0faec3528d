"""Adherence measured automatically: the share of replies, the cost limit, and the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.on_save import Sampling, TestSettings
from personachat.lab.runs.scoring import Share
from personachat.lab.sampled_replies import SampledAnswers
from personachat.personas.store.base import Saving, StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import notices
from personachat.ui.insights import chart
from personachat.ui.insights.chart import Chart
from personachat.ui.tests import one_reply
from personachat.ui.tests.chips import draw_chip
from personachat.ui.tests.state import tests_state
from personachat.ui.wording import counted, escaped

FIELDS = ("sample_percent", "sample_most", "sample_cost")


def draw(workspace: Workspace, entry: StoredPersona) -> None:
    """The setting, then the chart over the days, each question with its chip, and one's own replies."""
    settings = TestSettings.of(entry.persona)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _draw_setting(workspace, entry, settings)
        if settings.samples:
            st.caption(_today(workspace, entry.id, settings), width="content")
    answers = workspace.tests.sampled.answers(entry.id)
    if not answers:
        return
    chart.draw(over_days(answers))
    judged = one_reply.Judged(workspace.tests)
    for (question, judge), share in _by_question(answers).items():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{escaped(question)} **{escaped(share.in_words)}**")
            draw_chip(judged.agreement_on(question, judge))
    _draw_own(workspace, entry.id)


def _draw_setting(workspace: Workspace, persona: StoredPersona, settings: TestSettings) -> None:
    now = settings.sampling
    name = f"Samples {now.percent:g} % of replies" if settings.samples else "Sample replies"
    with st.popover(name, icon=":material/colorize:", disabled=not workspace.may_edit):
        st.caption(
            "Measures a share of new chat replies in the background, each once, within a day. 0% turns it "
            "off."
        )
        keys = [f"{field}_{persona.etag}" for field in FIELDS]
        st.number_input("Share in percent", 0.0, 100.0, float(now.percent), step=1.0, key=keys[0])
        st.number_input("Replies per day, at most", 1, 1000, now.max_per_day, key=keys[1])
        st.number_input(
            "Cost limit per day in US dollars",
            min_value=0.0,
            value=now.max_cost_usd_per_day,
            step=0.1,
            placeholder="None",
            key=keys[2],
            help="Days are in UTC. With a cost limit, nothing is measured if the judge's price isn't known.",
        )
        if not settings.questions:
            st.caption("Save questions first. Without them, nothing is measured.")
        if not workspace.tests.judge_model:
            st.caption(
                "No judge is set. Ask the person who runs this server to set `PERSONACHAT_JUDGE_MODEL`."
            )
        st.button(
            "Save with the persona",
            type="primary",
            icon=":material/save:",
            on_click=_save,
            args=(workspace, persona, settings, keys),
            key="save_sampling",
        )


def _save(workspace: Workspace, persona: StoredPersona, settings: TestSettings, keys: Sequence[str]) -> None:
    percent, most, cost = (st.session_state[key] for key in keys)
    sampling = Sampling(percent=percent, max_per_day=most, max_cost_usd_per_day=cost)
    try:
        text = settings.model_copy(update={"sampling": sampling}).written_into(persona.text)
        workspace.personas.save(text, etag=persona.etag, saving=Saving(workspace.author, "Sampling"))
    except PersonaChatError as error:
        notices.say_not_done(error, title="The setting wasn't saved")
        return
    tests_state().outcome = "The persona was saved with this setting."


def _today(workspace: Workspace, persona_id: str, settings: TestSettings) -> str:
    count, spent = workspace.tests.sampled.today(persona_id)
    limit = settings.sampling.max_cost_usd_per_day
    of = "" if limit is None else f" of ${limit:g}"
    return escaped(f"Today (UTC): {count} of {settings.sampling.max_per_day} replies, ${spent:.4f}{of}.")


def _by_question(answers: Sequence[SampledAnswers]) -> dict[tuple[str, str], Share]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for each in answers:
        hits, count = sums.get((each.question, each.judge), (0, 0))
        sums[each.question, each.judge] = hits + each.hits, count + each.count
    return {key: Share(hits, count) for key, (hits, count) in sums.items()}


def over_days(answers: Sequence[SampledAnswers]) -> Chart:
    """The share of answers that fit the persona, by day, with its interval in the table."""
    days: dict[str, tuple[int, int]] = {}
    for each in answers:
        hits, count = days.get(each.day, (0, 0))
        days[each.day] = hits + each.hits, count + each.count
    shares = {day: Share(hits, count) for day, (hits, count) in days.items()}
    points: list[float] = [round(100 * share.hits / share.count, 1) for share in shares.values()]
    whole = Share(sum(each.hits for each in answers), sum(each.count for each in answers))
    return Chart(
        key="sampled",
        question="How well do each day's replies fit the persona?",
        option=_option(list(shares), points),
        columns=("Day (UTC)", "Answers that fit the persona", "Share"),
        rows=[(day, share.hits, share.in_words) for day, share in shares.items()],
        alt=f"{counted(len(shares), 'day')}; {whole.in_words} answers fit the persona.",
        empty="",
        caption="Sampled replies of everybody's chats. A reply without a verdict counts as one that "
        "doesn't fit.",
    )


def _option(days: list[str], points: list[float]) -> dict[str, Any]:
    return {
        "tooltip": {"trigger": "axis"},
        "grid": {"left": 8, "right": 16, "top": 16, "bottom": 24, "containLabel": True},
        "xAxis": {"type": "category", "data": days},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": [{"type": "line", "showSymbol": True, "data": points}],
    }


def _draw_own(workspace: Workspace, persona_id: str) -> None:
    worst = [each for each in workspace.tests.sampled.measured(persona_id) if each.share < 1]
    if not worst:
        return
    with st.expander("Your replies that fit the persona least", icon=":material/trending_down:"):
        for each in worst:
            st.page_link(
                "pages/chat.py",
                label=f"{escaped(each.title or 'Untitled')}: {each.share * 100:.0f} %, {each.day}",
                icon=":material/chat:",
                query_params={"chat": each.conversation_id},
            )
