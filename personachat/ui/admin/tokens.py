"""Everybody's API tokens."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from personachat.accounts.administration import Role
from personachat.accounts.administrator import Administrator
from personachat.errors import PersonaChatError
from personachat.services import Services
from personachat.ui import tokens
from personachat.ui.admin import doing

EMPTY = "A token lets a program use the API as a person, with a role of its own."


def draw(services: Services, administrator: Administrator) -> None:
    tokens.draw_secret()
    count = tokens.draw_list(administrator, doing.do, empty=EMPTY, names=administrator.names())
    configured = len(services.settings.accepted_tokens)
    if configured:
        st.caption(f"Also accepted: {configured} from the settings.")
    try:
        personas = [each.id for each in services.personas.all()]
    except PersonaChatError:
        personas = []
    with st.expander("Create a token", icon=":material/add:", expanded=not count):
        tokens.draw_form(doing.do, roles=get_args(Role), personas=personas, for_others=True)
