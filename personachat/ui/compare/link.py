"""A link to the current choice, with sentences about what no link can contain."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.lab.comparisons.links import link_of
from personachat.lab.comparisons.model import Setup
from personachat.ui import address
from personachat.ui.compare import state
from personachat.ui.compare.questions import Messages


def draw(setups: Sequence[Setup], messages: Messages, *, blind: bool, stop: float | None) -> None:
    with st.popover("Link", icon=":material/link:", help="A link to this choice"):
        stated = state.stated(messages.set_id, blind=blind, stop=stop)
        query = {state.VARIANT: [link_of(each) for each in setups], **stated}
        st.code(address.page("compare", **query), language=None, wrap_lines=True)
        st.caption("Opens the same choice. Nothing is sent before someone clicks *Compare*.")
        for words in not_in_it(setups, messages):
            st.caption(f":material/info: {words}")


def not_in_it(setups: Sequence[Setup], messages: Messages) -> list[str]:
    """What people who open the link don't get, in sentences."""
    sentences = []
    if any(each.text is not None for each in setups):
        sentences.append("Unsaved drafts open only for you. Others need a saved revision.")
    if messages.set_id is not None:
        sentences.append("Your saved list opens only for you.")
    elif messages.texts:
        sentences.append("Messages from a file or chat aren't in a link. Save them as a list first.")
    elif messages.longest and state.linked_text() is None:
        sentences.append(
            f"More than {state.MOST_LINKED_CHARACTERS:,} characters aren't in a link. "
            "Save them as a list of messages first."
        )
    return sentences
