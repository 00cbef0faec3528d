"""The person's favourite personas: read once per session, written at once."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import session
from personachat.ui.personas.desk import desk
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import heard


def mine() -> frozenset[str]:
    """Their ids; empty if they can't be read now."""
    here = personas_state()
    if here.favourites is None:
        with suppress(PersonaChatError):
            here.favourites = session.workspace().collection.favourites()
    return here.favourites or frozenset()


def read_again() -> None:
    """They may have changed."""
    personas_state().favourites = None


def toggle(persona_id: str) -> None:
    """Add a favourite or remove it; the page says why if that fails."""
    likes = persona_id not in mine()
    desk().error = None
    try:
        session.workspace().collection.set_favourite(persona_id, favourite=likes)
    except PersonaChatError as error:
        desk().error = error
        return
    personas_state().favourites = mine() | {persona_id} if likes else mine() - {persona_id}


def draw_star(persona_id: str) -> None:
    """The button for that."""
    likes = persona_id in mine()
    st.button(
        heard("Remove from favourites" if likes else "Add to favourites"),
        icon=":material/star:" if likes else ":material/star_border:",
        key="favourite",
        type="secondary" if likes else "tertiary",  # page.css fills the star by this
        help="Remove from favourites" if likes else "Add to favourites",
        on_click=toggle,
        args=(persona_id,),
    )
