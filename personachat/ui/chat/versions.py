"""The way from a turn to what else was said in its place."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation, Turn
from personachat.ui.chat import actions
from personachat.ui.wording import heard


def draw(conversation: Conversation, turn: Turn, *, live: bool = False) -> None:
    """The way to what else was said in this place, e.g. 2/3 with arrows; nothing where nothing was.

    It may be drawn twice in a run: while the reply is `live`, and when it has ended.
    """
    siblings = conversation.siblings.get(turn.id, ())
    if len(siblings) < 2:
        return
    at = siblings.index(turn.id)
    place = f"live_{turn.depth}" if live else str(turn.depth)
    _arrow("chevron_left", "Previous version", siblings[at - 1] if at else None, place)
    st.caption(f"{at + 1}/{len(siblings)}", width="content")
    _arrow("chevron_right", "Next version", siblings[at + 1] if at + 1 < len(siblings) else None, place)


def _arrow(icon: str, name: str, other_id: str | None, place: str) -> None:
    st.button(
        heard(name),
        icon=f":material/{icon}:",
        help=name,
        type="tertiary",
        on_click=actions.show,
        args=(other_id,),
        disabled=other_id is None,
        key=f"{icon}_{place}",  # so that it keeps the focus from version to version
    )
