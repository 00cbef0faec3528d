"""Lines below the transcript that say what was just done to it, and lead back."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.ui.chat import actions
from personachat.ui.wording import counted, escaped


def draw_deleted(conversation: Conversation) -> None:
    """The way back after a turn was deleted."""
    what = actions.deleted(conversation.id)
    if what:
        with st.container(horizontal=True, vertical_alignment="center"):
            deleted = "Message deleted." if what.count == 1 else f"{counted(what.count, 'message')} deleted."
            st.caption(f":material/delete: {deleted}", width="content")
            st.button(
                "Undo",
                type="tertiary",
                icon=":material/undo:",
                on_click=actions.undelete,
                args=(what,),
                key="undelete",
            )


def draw_forked(conversation: Conversation) -> None:
    """Where a conversation that was just forked comes from."""
    fork = actions.forked()
    if fork and fork.conversation_id == conversation.id:
        with st.container(horizontal=True, vertical_alignment="center"):
            title = f" of “{escaped(conversation.title)}”" if conversation.title else ""
            st.caption(f":material/call_split: This is a fork{title}.", width="content")
            st.button(
                "Open the original",
                type="tertiary",
                on_click=actions.open_original,
                args=(fork.original_id,),
                key="open_original",
            )
