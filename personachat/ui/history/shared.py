"""What a link shows: a conversation to read, without anything to write or click."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.history.sharing import Shared, SharedTurn
from personachat.ui.chat.transcript import USER_AVATAR, draw_text
from personachat.ui.dates import exact, viewer_zone
from personachat.ui.faces import face_of_turn
from personachat.ui.history import state
from personachat.ui.wording import as_text


def draw(shared: Shared) -> None:
    """Draw it from its beginning, one part at a time."""
    zone = viewer_zone()
    st.title(as_text(shared.title), anchor=False)
    st.caption(f":material/link: Shared from PersonaChat · {exact(shared.created_at, zone=zone)} · read-only")
    turns = shared.turns[: state.shared_turns()]
    _draw_turns(turns)
    left = len(shared.turns) - len(turns)
    if left:
        st.button(
            f"Show more ({left:,} left)",
            icon=":material/expand_more:",
            type="tertiary",
            width="stretch",
            on_click=state.show_more_shared,
            key="show_more_shared",
        )


def draw_nothing() -> None:
    """For an unknown or a revoked link."""
    st.info(
        "This link is invalid or was revoked. Ask the sender for a new one.",
        icon=":material/link_off:",
    )


def _draw_turns(turns: Sequence[SharedTurn]) -> None:
    speaker = ""
    for turn in turns:
        if turn.role == "user":
            with st.chat_message("user", avatar=USER_AVATAR):
                st.text(turn.text, width="stretch")
            continue
        if turn.persona_name != speaker:
            speaker = turn.persona_name
            st.caption(f":material/forum: {as_text(speaker)}", text_alignment="center")
        with st.chat_message("assistant", avatar=face_of_turn(turn.avatar)):
            draw_text(turn.text, st.container())
            if turn.ended:
                st.caption(turn.ended)
