"""What the chat says about budgets that are nearly used up, before a message is refused."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.services import Services
from personachat.ui import session
from personachat.ui.chat.state import PERSONA_CHOICE
from personachat.ui.wording import escaped


def draw(services: Services) -> None:
    """The fullest budget of the person using this session; nothing if there is enough left."""
    if not services.budgets.may_refuse:
        return
    persona_id = str(st.session_state.get(PERSONA_CHOICE) or "")
    try:
        warnings = services.budgets.warnings_for(session.workspace().owner, persona_id=persona_id)
    except PersonaChatError:  # another part of the page reports the database
        return
    if warnings:
        st.caption(f":material/data_usage: {escaped(warnings[0])}")
