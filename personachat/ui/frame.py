"""The frame all pages share: a new chat from anywhere, and one way to say what went wrong."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from personachat.errors import PersonaChatError
from personachat.ui import state
from personachat.ui.wording import error_text


def draw() -> bool:
    """Draw what stands around every page; returns whether a new chat was asked for."""
    with st.sidebar:
        return st.button(
            "New chat",
            icon=":material/add_comment:",
            shortcut="Alt+N",
            on_click=state.new_chat,
            width="stretch",
        )


def run(page: StreamlitPage) -> None:
    """Run a page; what it did not expect of a service is said in a sentence."""
    try:
        page.run()
    except PersonaChatError as error:
        st.error(error_text(error), title="That did not work", icon=":material/error:")
