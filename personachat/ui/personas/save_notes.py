"""The note that goes with a save: typed in a dialog, kept until it is saved or another persona opened."""

from __future__ import annotations

import streamlit as st

_NEXT = "save_note"
"""Where the session has the note of the save that was asked for, also while a question comes before it."""


def field_key(persona_id: str) -> str:
    """The key of the field for a persona's note; its words outlast the dialog."""
    return f"{_NEXT}.{persona_id}"


def take(persona_id: str) -> None:
    """Have the note that stands in the field go with the next save."""
    st.session_state[_NEXT] = str(st.session_state.get(field_key(persona_id)) or "").strip()


def taken() -> str:
    return str(st.session_state.get(_NEXT) or "")


def drop() -> None:
    """The next save is another one."""
    st.session_state.pop(_NEXT, None)


def saved(persona_id: str) -> None:
    """The note is a revision's: nothing of it stays."""
    drop()
    if field_key(persona_id) in st.session_state:
        st.session_state[field_key(persona_id)] = ""
