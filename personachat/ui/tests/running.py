"""The forecast of a run, the button that starts it, and its progress."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.pairwise import QUESTION
from personachat.lab.runs.forecast import RunForecast
from personachat.lab.runs.model import Run
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.personas.store.base import StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import notices
from personachat.ui.dates import viewer_zone
from personachat.ui.tests import on_save
from personachat.ui.tests.run_names import run_names
from personachat.ui.tests.state import open_run, run_open
from personachat.ui.wording import counted, error_text, escaped, money, short

EVERY_SECONDS = 1.0
MOST_OTHERS = 20


def draw(workspace: Workspace, persona: StoredPersona) -> None:
    """The forecast and the button; while a run is active, its progress."""
    tests, persona_id = workspace.tests, persona.id
    if follow(tests, tests.runs.of(persona_id, limit=5)):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        repeat = st.number_input(
            "Repeats",
            min_value=1,
            max_value=100,
            value=None,
            placeholder="As in the suite",
            width=190,
            key="tests_repeat",
            persist_state="session",
            help="How often each case runs. Each repeat is a separate call.",
        )
        most = cost_limit("tests_most_cost", help_text="The run stops before it would cost more.")
        against = _pick_other(tests, persona_id)
        wish = RunWish(
            persona_id=persona_id,
            repeat=repeat,
            most_cost_usd=most,
            pairwise=QUESTION if against else "",
            against=against,
        )
        try:
            forecast = tests.forecast(wish)
        except PersonaChatError as error:
            st.warning(error_text(error), icon=":material/cloud_off:")
            return
        st.button(
            "Run tests",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not tests.may_edit,
            help=None if tests.may_edit else "You can't run tests here.",
            on_click=_start,
            args=(tests, wish),
            key="run_tests",
        )
        on_save.draw(workspace, persona, forecast)
    st.caption(summary(forecast))
    if forecast.reason:
        st.warning(escaped(forecast.reason), icon=":material/swap_horiz:")
    if forecast.judge_calls and not tests.judge_model:
        st.warning(
            "No judge is set, so its questions will be errors. Ask the person who runs this server to set "
            "`PERSONACHAT_JUDGE_MODEL`.",
            icon=":material/gavel:",
        )


def _pick_other(tests: Tests, persona_id: str) -> str:
    """The run that a judge compares replies with; "" for none, and if there is no judge."""
    ended = [run for run in tests.runs.of(persona_id, limit=MOST_OTHERS) if run.state != "running"]
    if not ended or not tests.judge_model:
        return ""
    names = run_names(ended, zone=viewer_zone(), with_state=False)
    picked = st.selectbox(
        "Judge against",
        list(names),
        index=None,
        placeholder="No other run",
        format_func=lambda each: names[each],
        width=220,
        key=f"tests_against_{persona_id}",
        persist_state="session",
        help="A judge compares each reply with the one from the other run, in both orders.",
    )
    return picked or ""


def follow(tests: Tests, runs: Sequence[Run]) -> bool:
    """Show the progress of one of these; False if none is active."""
    running = next((run for run in runs if run.state == "running" and tests.runs.underway(run.id)), None)
    if running:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _follow(tests, running.id)
            st.button(
                "Cancel", icon=":material/stop:", on_click=_cancel, args=(tests, running.id), key="cancel_run"
            )
    return running is not None


def summary(forecast: RunForecast) -> str:
    """The forecast as one line."""
    parts = [f"{counted(forecast.calls, 'call')} to {escaped(forecast.model)}"]
    if forecast.judge_calls:
        judged = f"{forecast.judge_calls:,} to the judge"
        parts[0] = f"{counted(forecast.cells, 'call')} to {escaped(forecast.model)} and {judged}"
    if forecast.calls == forecast.judge_calls:  # of replies that exist already
        parts[0] = f"{counted(forecast.calls, 'call')} to the judge"
    if tokens := forecast.prompt_tokens + forecast.reply_tokens:
        parts.append(f"about {short(tokens)} tokens")
    if forecast.cost_usd is None or forecast.most_usd is None:
        parts.append("the price isn't known")
    else:
        usual, most = money(forecast.cost_usd), money(forecast.most_usd)
        about = usual if usual.startswith("<") else f"about {usual}"
        parts.append(escaped(usual if usual == most else f"{about}, at most {most}"))
    if forecast.seconds:
        minutes = forecast.seconds / 60
        parts.append(f"about {max(forecast.seconds, 1):.0f} s" if minutes < 1 else f"about {minutes:.0f} min")
    return f":material/calculate: {', '.join(parts)}."


def _start(tests: Tests, wish: RunWish) -> None:
    try:
        open_run(tests.start(wish).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The tests weren't run")


@st.fragment(run_every=EVERY_SECONDS)
def _follow(tests: Tests, run_id: str) -> None:
    underway = tests.runs.underway(run_id)
    if underway is None:
        if run_open() is None:
            open_run(run_id)
        st.rerun()
    planned, cells = underway.run.planned, underway.cells
    done = len(cells)
    passed = sum(cell.outcome == "pass" for cell in cells)
    spent_usd = sum(cell.cost_usd or 0.0 for cell in cells)
    spent = f", {escaped(money(spent_usd))}" if spent_usd else ""
    st.progress(
        min(1.0, done / planned) if planned else 1.0,
        text=f"{done:,} of {planned:,} replies, {passed:,} passed{spent}",
    )


def _cancel(tests: Tests, run_id: str) -> None:
    try:
        tests.runs.cancel(run_id)
    except PersonaChatError as error:
        notices.say_not_done(error)


def cost_limit(key: str, *, help_text: str | None = None) -> float | None:
    """A field for the most that a run may cost, in US dollars; None is no limit."""
    return st.number_input(
        "Cost limit in US dollars",
        min_value=0.0,
        value=None,
        step=0.1,
        placeholder="None",
        width=200,
        key=key,
        persist_state="session",
        help=help_text,
    )
