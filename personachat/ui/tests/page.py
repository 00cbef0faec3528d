"""The page: which persona, its results or its suite, and how to begin."""

from __future__ import annotations

import streamlit as st

from personachat.errors import EditingNotAllowed
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.personas.store.base import StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import last_seen, notices, session
from personachat.ui.tests import (
    adherence,
    labelling,
    replaying,
    results,
    running,
    stress,
    suite_editor,
    sweeping,
)
from personachat.ui.tests.state import (
    ADHERENCE,
    LABELS,
    REPLAYS,
    RESULTS,
    STRESS,
    SUITE,
    SWEEPS,
    open_run,
    tests_state,
    view_key,
)
from personachat.ui.wording import distinct, error_text, escaped

PICKED = "tests_persona"


def draw(workspace: Workspace) -> None:
    """Draw all of it. Raises DatabaseUnavailable and DatabaseDamaged."""
    entries, _ = last_seen.personas(workspace.personas, owner=workspace.owner)
    personas = {each.id: each for each in entries if isinstance(each, StoredPersona)}
    names = distinct({persona_id: entry.persona.name for persona_id, entry in personas.items()})
    for notice in notices.take("page"):
        st.error(notice.text, icon=notice.icon)
    tests = workspace.tests
    with_suites = [each for each in tests.suites.ids() if each in names]
    if not names:
        st.info(
            "There are no personas to test yet. Create one on the Personas page.", icon=":material/groups:"
        )
        st.page_link("pages/personas.py", label="Personas", icon=":material/groups:")
        return
    persona_id = _pick(names, with_suites)
    _draw_outcome()
    try:
        entry = tests.suites.find(persona_id)
    except EditingNotAllowed as error:
        st.info(error_text(error), icon=":material/visibility_off:")
        return
    tab = SUITE if entry and entry.problems else RESULTS
    view = st.pills(
        "View",
        (RESULTS, SUITE, REPLAYS, SWEEPS, ADHERENCE, STRESS, LABELS),
        default=tab,
        key=view_key(persona_id),
        label_visibility="collapsed",
        required=True,
        persist_state="page",  # also while the database can't be reached and nothing is drawn
    )
    views = {
        REPLAYS: lambda: replaying.draw(workspace, persona_id),
        LABELS: lambda: labelling.draw(tests, persona_id, entry),
        SWEEPS: lambda: sweeping.draw(workspace, personas[persona_id].persona, entry),
        ADHERENCE: lambda: adherence.draw(workspace, personas[persona_id]),
        STRESS: lambda: stress.draw(workspace, personas[persona_id]),
    }
    if view in views:
        views[view]()
    elif entry is None and not tests_state().editing:
        _draw_nothing_yet(names[persona_id], may_edit=tests.may_edit)
    elif view == SUITE or entry is None:
        suite_editor.draw(tests, personas[persona_id].persona, entry)
    else:
        _draw_results(workspace, personas[persona_id], entry)


def _draw_results(workspace: Workspace, persona: StoredPersona, stored_suite: StoredSuite) -> None:
    if stored_suite.problems:
        st.warning(
            "The suite has errors, so it can't be run. Open *Suite* to fix them.", icon=":material/error:"
        )
    else:
        running.draw(workspace, persona)
    results.draw(workspace.tests, persona.id)


def _pick(names: dict[str, str], with_suites: list[str]) -> str:
    """The persona, those with suites first. It is part of the address."""
    ordered = [*with_suites, *(each for each in names if each not in with_suites)]
    remembered = session.remembered("suite")
    if remembered in names and PICKED not in st.session_state:
        st.session_state[PICKED] = remembered
    picked = st.selectbox(
        "Persona",
        ordered,
        key=PICKED,
        format_func=lambda each: names[each] if each in with_suites else f"{names[each]} (no tests yet)",
        on_change=_picked,
    )
    session.remember("suite", picked)
    return str(picked)


def _picked() -> None:
    tests_state().editing, tests_state().awaited = False, ""
    open_run(None)


def _draw_nothing_yet(name: str, *, may_edit: bool) -> None:
    st.info(
        (
            f"A suite says what {escaped(name)} promises: messages, and what the replies must be like. Run "
            f"it after every change, here or in CI."
        ),
        title="No tests yet",
        icon=":material/rule:",
    )
    if may_edit:
        st.button("Write tests", icon=":material/edit:", type="primary", on_click=_begin, key="write_tests")
        st.caption("You can also choose *Save as test* in the menu of any reply in a chat.")


def _begin() -> None:
    tests_state().editing = True


def _draw_outcome() -> None:
    here = tests_state()
    if here.outcome:
        st.toast(here.outcome, icon=":material/check:")
        here.outcome = ""
