"""The Account page: who is logged in, and their own API tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from personachat.accounts.own_tokens import OwnTokens
from personachat.errors import PersonaChatError
from personachat.ui import login, notices, owner, session, tokens
from personachat.ui.wording import escaped

EMPTY = "A token lets a program use the API as you, with your rights or fewer."


def draw(desk: OwnTokens) -> None:
    """Raises DatabaseUnavailable and DatabaseDamaged."""
    tokens.draw_not_done()
    person = owner.current_person()
    picture = session.services().person_pictures.of(person.key)
    if picture:
        st.image(picture, width=64, alt=f"Picture of {person.name or person.email}")
    st.markdown(f"**{escaped(person.name or person.email)}** :gray-badge[{login.ROLES[person.role]}]")
    if person.email and person.email != person.name:
        st.caption(escaped(person.email))
    st.subheader("API tokens", anchor=False)
    tokens.draw_secret()
    count = tokens.draw_list(desk, do, empty=EMPTY)
    try:
        personas = [each.id for each in session.workspace().personas.all()]
    except PersonaChatError:
        personas = []
    with st.expander("Create a token", icon=":material/add:", expanded=not count):
        tokens.draw_form(do, roles=desk.roles, personas=personas, for_others=False)


def do(action: Callable[[OwnTokens], Any]) -> Any:
    """Do it as the person using this session; None if that fails, and the page says why."""
    try:
        return action(session.own_tokens())
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was changed")
        return None
