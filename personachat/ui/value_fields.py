"""A field for what one variable of a persona stands for; an empty one leaves it to its default."""

from __future__ import annotations

import streamlit as st

from personachat.personas.variables import Variable
from personachat.ui.wording import escaped
from personachat.variables import MOST_CHARACTERS


def draw(variable: Variable, *, key: str, value: str = "", empty: str) -> None:
    """`empty` says what holds where the field is empty and there is no default."""
    if key not in st.session_state:
        st.session_state[key] = value
    st.text_input(
        escaped(variable.name),
        key=key,
        placeholder=variable.default or empty,
        help=escaped(variable.description) or None,
        max_chars=MOST_CHARACTERS,
        persist_state="session",
    )
