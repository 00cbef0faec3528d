"""The note for a save: typed in a dialog, kept until it is saved or another persona is opened."""

from __future__ import annotations

import streamlit as st

from personachat.ui.personas.state import personas_state

_FIELD = "save_note"


def field_key(persona_id: str) -> str:
    """The key of the field for a persona's note; its text survives the dialog."""
    return f"{_FIELD}.{persona_id}"


def take(persona_id: str) -> None:
    """Use the note in the field for the next save."""
    personas_state().save_note = str(st.session_state.get(field_key(persona_id)) or "").strip()


def note() -> str:
    return personas_state().save_note


def drop() -> None:
    """The next save is a different one."""
    personas_state().save_note = ""


def saved(persona_id: str) -> None:
    """The note was saved with a revision: forget it."""
    drop()
    if field_key(persona_id) in st.session_state:
        st.session_state[field_key(persona_id)] = ""
