"""One line that says what was deleted, with a button to restore it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def draw(words: str, deleted_id: str, *, key: str, restore: Callable[[str], None]) -> None:
    """`words` are Markdown; the button has `key` and restores `deleted_id`."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/delete: {words}", width="content")
        st.button(
            "Undo", type="tertiary", key=key, icon=":material/undo:", on_click=restore, args=(deleted_id,)
        )
