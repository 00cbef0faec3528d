"""Whether a persona's suite runs whenever it is saved, and the cost limit: stored in the persona itself."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.on_save import TestSettings, settings_trouble
from personachat.lab.runs.forecast import RunForecast
from personachat.lab.testing import Tests
from personachat.personas.store.base import Saving, StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import notices
from personachat.ui.tests.state import open_run, tests_state
from personachat.ui.wording import escaped

EVERY_SECONDS = 0.5

ON, MOST = "on_save", "on_save_most"


def draw(workspace: Workspace, entry: StoredPersona, forecast: RunForecast | None) -> None:
    """The settings, and what is wrong with them. `forecast` is for one run."""
    if trouble := settings_trouble(entry.persona):
        st.warning(escaped(trouble), icon=":material/error:")
    if tests_state().awaited:
        _await(workspace.tests, tests_state().awaited)
    settings = TestSettings.of(entry.persona)
    name = "Runs on save" if settings.on_save else "Run on save"
    with st.popover(name, icon=":material/autoplay:", disabled=not workspace.may_edit):
        is_on = st.checkbox(
            "Run these tests whenever the persona is saved",
            value=settings.on_save,
            key=f"{ON}_{entry.etag}",
            help="From this page, the API or the command line. Each version is tested once.",
        )
        most = st.number_input(
            "Cost limit per run in US dollars",
            min_value=0.0,
            value=settings.max_cost_usd,
            step=0.1,
            placeholder="None",
            key=f"{MOST}_{entry.etag}",
        )
        if most is not None and forecast and forecast.most_cell_usd is None:
            st.caption("The model's price isn't known, so a run with a limit won't start.")
        st.button(
            "Save with the persona",
            type="primary",
            icon=":material/save:",
            on_click=_save,
            args=(workspace, entry, settings, is_on, most),
            key="save_on_save",
        )


def _save(
    workspace: Workspace,
    persona: StoredPersona,
    settings: TestSettings,
    is_on: bool,  # noqa: FBT001  # a checkbox's
    most: float | None,
) -> None:
    new = settings.model_copy(update={"on_save": is_on, "max_cost_usd": most})
    try:
        text = new.written_into(persona.text)
        saving = Saving(workspace.author, "Tests on save")
        saved = workspace.personas.save(text, etag=persona.etag, saving=saving)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The setting wasn't saved")
        return
    tests_state().outcome = "The persona was saved with this setting."
    tests_state().awaited = workspace.tests.saved_run_id(saved) if is_on else ""


@st.fragment(run_every=EVERY_SECONDS)
def _await(tests: Tests, run_id: str) -> None:
    """Redraw the page once the run that a save starts is there."""
    if tests.runs.is_there(run_id):
        tests_state().awaited = ""
        open_run(run_id)
        st.rerun()
