"""A field for the value of a persona's variable. An empty field means the default."""

from __future__ import annotations

import streamlit as st

from personachat.personas.variables import Variable
from personachat.ui.wording import escaped
from personachat.variables import MOST_CHARACTERS

HINT_CHARACTERS = 300
"""Characters shown of a default and of a description: an author may have written a book there."""


def draw(variable: Variable, *, key: str, value: str = "", empty: str) -> None:
    """`empty` says what applies if the field is empty and there is no default."""
    if key not in st.session_state:
        st.session_state[key] = value
    st.text_input(
        escaped(variable.name),
        key=key,
        placeholder=_start(variable.default) or empty,
        help=escaped(_start(variable.description)) or None,
        max_chars=MOST_CHARACTERS,
        persist_state="session",
    )


def _start(words: str) -> str:
    return words if len(words) <= HINT_CHARACTERS else f"{words[: HINT_CHARACTERS - 1]}…"
