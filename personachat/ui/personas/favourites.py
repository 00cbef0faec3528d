"""Which personas the person in front of this session likes best; read once a session, written at once."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import session
from personachat.ui.personas.desk import desk
from personachat.ui.wording import heard

_KEY = "favourites"


def mine() -> frozenset[str]:
    """Their ids; none where they cannot be read now."""
    if _KEY not in st.session_state:
        with suppress(PersonaChatError):
            st.session_state[_KEY] = session.workspace().collection.favourites()
    return cast("frozenset[str]", st.session_state.get(_KEY, frozenset()))


def read_again() -> None:
    """They may be others now."""
    st.session_state.pop(_KEY, None)


def toggle(persona_id: str) -> None:
    """Make a persona a favourite, or none any more; the page says why where that fails."""
    likes = persona_id not in mine()
    desk().error = None
    try:
        session.workspace().collection.set_favourite(persona_id, favourite=likes)
    except PersonaChatError as error:
        desk().error = error
        return
    st.session_state[_KEY] = mine() | {persona_id} if likes else mine() - {persona_id}


def draw_star(persona_id: str) -> None:
    """The button that does it."""
    likes = persona_id in mine()
    st.button(
        heard("Remove from favourites" if likes else "Add to favourites"),
        icon=":material/star:" if likes else ":material/star_border:",
        key="favourite",
        type="secondary" if likes else "tertiary",  # page.css fills the star by it
        help="Remove from favourites" if likes else "Add to favourites",
        on_click=toggle,
        args=(persona_id,),
    )
