"""The frame all pages share: the name, and a new chat from anywhere."""

from __future__ import annotations

import streamlit as st

from personachat.ui import state


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
