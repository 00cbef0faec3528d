"""The tabs of the open persona: only the open one is drawn.

The editor behind it stays, for late keystrokes.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.personas.store.base import StoredPersona
from personachat.ui.personas import desk, editor, history, lore, view
from personachat.ui.personas import findings as persona_findings
from personachat.ui.personas.desk import (
    HISTORY_TAB,
    JSON_TAB,
    PROMPT_TAB,
    TAB_KEY,
    TRY_OUT_TAB,
    Entry,
    OpenPersona,
)
from personachat.ui.personas.form import form, model_picker
from personachat.ui.personas.form.binding import FormText
from personachat.ui.personas.state import personas_state

TABS = (PROMPT_TAB, JSON_TAB, "Preview", TRY_OUT_TAB, HISTORY_TAB, "Lore")


def draw(entries: Sequence[Entry], open_persona: OpenPersona) -> None:
    """Draw the open tab."""
    here = personas_state()
    if TAB_KEY not in st.session_state and here.last_tab:
        st.session_state[TAB_KEY] = here.last_tab  # a visit to another page has removed it
    _begin_with_json(open_persona)
    prompt_tab, json_tab, preview_tab, try_tab, history_tab, lore_tab = st.tabs(
        TABS, key=TAB_KEY, on_change="rerun"
    )
    here.last_tab = st.session_state.get(TAB_KEY)
    if prompt_tab.open:
        with prompt_tab:
            form.draw(open_persona, tags=_tags(entries))
    with json_tab:
        _draw_json(open_persona, is_open=bool(json_tab.open))
    if preview_tab.open:
        with preview_tab:
            view.draw_preview(open_persona)
    if try_tab.open:
        with try_tab, st.container(key="try_out_here"):  # the page shows the chat below, for this key
            st.space("xxsmall")
    if history_tab.open:
        with history_tab:
            history.draw(open_persona)
    if lore_tab.open:
        with lore_tab:
            lore.draw(open_persona)


def _begin_with_json(open_persona: OpenPersona) -> None:
    """Open the JSON of a persona that the form can't show; going back to the prompt says why."""
    here = personas_state()
    if here.tabs_of == open_persona.id:
        return
    here.tabs_of = open_persona.id
    if open_persona.persona is None and not FormText(open_persona).has_keys:
        st.session_state[TAB_KEY] = JSON_TAB


def _draw_json(open_persona: OpenPersona, *, is_open: bool) -> None:
    if is_open:
        models, findings = model_picker.known_models(), persona_findings.findings_of(open_persona)
        editor.draw(
            desk.mounted(open_persona),
            problems=open_persona.problems,
            findings=findings,
            line=desk.shown_line(open_persona, findings=findings),
        )
        view.draw_problems(open_persona)
        persona_findings.draw(open_persona)
        model_picker.redraw_after(models)
    elif (mount := desk.hidden_mount(open_persona)) is not None:
        editor.draw_hidden(mount, is_stale=mount.text_now != open_persona.text)


def _tags(entries: Sequence[Entry]) -> list[str]:
    """All tags in alphabetical order."""
    tags = set[str]().union(*(each.persona.tags for each in entries if isinstance(each, StoredPersona)))
    return sorted(tags, key=str.casefold)
