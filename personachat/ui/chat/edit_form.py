"""The text of a turn, open for editing in its place."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Turn
from personachat.ui.chat import actions


def draw(turn: Turn) -> None:
    """A question can be sent again; a reply can only be saved."""
    asks = turn.role == "user"
    with st.form(f"edit_{turn.id}", border=False):
        st.text_area(
            "Your message" if asks else "The reply",
            turn.text,
            key=actions.words_key(turn.id),
            label_visibility="collapsed",
            height="content",
        )
        with st.container(horizontal=True):
            st.form_submit_button(
                "Save and send" if asks else "Save",
                type="primary",
                on_click=actions.save,
                args=(turn.id,),
            )
            st.form_submit_button("Cancel", type="tertiary", on_click=actions.leave_editing)
