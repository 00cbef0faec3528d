"""The questions of a save if someone else has changed the same fields meanwhile, field by field.

What only one of the two changed is kept without a question, and shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.errors import PersonaChanged
from personachat.personas.diff import Difference
from personachat.personas.merge import Clash, Merge
from personachat.personas.store.base import PersonaStore
from personachat.ui import session
from personachat.ui.dialogs import dialog
from personachat.ui.personas import actions as editing
from personachat.ui.personas import diff
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.wording import as_text, counted, escaped

MINE, THEIRS = "Keep mine", "Keep theirs"
CHOICE = "merge_choice_"
"""Prefix of the key of each question; the field's number and the version in question follow."""


@dialog("Changed elsewhere", width="large", icon=":material/sync_problem:", on_dismiss=editing.close_question)
def ask_merge(personas: PersonaStore, open_persona: OpenPersona, theirs: PersonaChanged) -> None:
    """Ask which value to save for each field that both changed."""
    merge = editing.merge_of(session.drafts().get(open_persona.id), theirs)
    if merge is None:
        editing.close_question()
        return
    name, fields = escaped(open_persona.name), counted(len(merge.clashes), "field")
    st.markdown(
        f"You and somebody else made different changes to **{fields}** of **{name}**. Choose what to keep."
    )
    st.caption(diff.LEGEND)
    choices = [_ask_field(clash, key=f"{CHOICE}{at}_{theirs.etag}") for at, clash in enumerate(merge.clashes)]
    _draw_unchanged("Your other changes, also kept", merge.kept_mine)
    _draw_unchanged("Their other changes, also kept", merge.kept_theirs)
    _draw_buttons(personas, open_persona, theirs, merge, choices)


def _ask_field(clash: Clash, *, key: str) -> str | None:
    with st.container(border=True, gap="small"):
        st.markdown(f"**{as_text(clash.label)}**")
        left, right = st.columns(2)
        for column, title, change in ((left, "Yours", clash.mine), (right, "Theirs", clash.theirs)):
            with column:
                st.caption(title if change.kind != "removed" else f"{title}: removed")
                st.html(diff.framed(change))
        return st.segmented_control(
            clash.label, [MINE, THEIRS], key=key, label_visibility="collapsed", width="stretch"
        )


def _draw_unchanged(title: str, differences: Sequence[Difference]) -> None:
    if differences:
        with st.expander(f"{title}: {counted(len(differences), 'change')}", icon=":material/check:"):
            diff.draw(differences)


def _draw_buttons(
    personas: PersonaStore,
    open_persona: OpenPersona,
    theirs: PersonaChanged,
    merge: Merge,
    choices: Sequence[str | None],
) -> None:
    open_fields = choices.count(None)
    take_mine = [clash.path for clash, choice in zip(merge.clashes, choices, strict=True) if choice == MINE]
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep editing", key="merge_edit", on_click=editing.close_question)
        st.button(
            "Discard all my changes", key="merge_theirs", on_click=editing.discard, args=(open_persona.id,)
        )
        st.button(
            "Save both changes",
            key="save_merged",
            type="primary",
            icon=":material/save:",
            disabled=bool(open_fields),
            help=f"Choose for {counted(open_fields, 'more field')} first." if open_fields else None,
            on_click=editing.save_merged,
            args=(personas, open_persona.id, theirs, take_mine),
        )
