"""Choosing one of many personas: a short list to pick from, and a search for all the others.

A widget's options are sent to the browser in every run, so no list is longer than MOST_CHOICES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from personachat.persona import Persona
from personachat.ui import favourites
from personachat.ui.transcript import DEFAULT_AVATAR
from personachat.ui.wording import escaped

MOST_CHOICES = 150
MOST_HITS = 30


def choices(personas: Mapping[str, Persona], *, also: Sequence[str]) -> list[str]:
    """Ids to choose from, in the order given: all, or of many those named and liked, and the first."""
    if len(personas) <= MOST_CHOICES:
        return list(personas)
    wanted = [*also, *sorted(favourites.mine())]
    short = dict.fromkeys(persona_id for persona_id in wanted if persona_id in personas)
    for persona_id in personas:
        if len(short) >= MOST_CHOICES:
            break
        short.setdefault(persona_id)
    return [persona_id for persona_id in personas if persona_id in short]


def matching(personas: Mapping[str, Persona], query: str) -> list[str]:
    """Ids of those with every word in their name, description, tags or id."""
    words = query.casefold().split()
    return [
        persona_id
        for persona_id, persona in personas.items()
        if all(
            word in f"{persona.name} {persona.description} {' '.join(persona.tags)} {persona_id}".casefold()
            for word in words
        )
    ]


@st.dialog("Find a persona", icon=":material/person_search:")
def ask(personas: Mapping[str, Persona], choose: Callable[[str], object]) -> None:
    """Search all of them; `choose` is called with the id of the one that was clicked."""
    query = st.text_input(
        "Search",
        key="find_persona",
        type="search",
        placeholder="Name, description, tag or id",
        icon=":material/search:",
        live=True,
    )
    hits = matching(personas, query or "")
    if not hits:
        st.caption(f"No persona matches “{escaped(query or '')}”.")
    with st.container(gap=None, height=360, border=False):
        for persona_id in hits[:MOST_HITS]:
            persona = personas[persona_id]
            if st.button(
                escaped(persona.name),
                icon=persona.avatar or DEFAULT_AVATAR,
                key=f"find-{persona_id}",
                help=escaped(persona.description) or None,
                type="tertiary",
                wrap=False,
            ):
                choose(persona_id)
                st.rerun()
    if len(hits) > MOST_HITS:
        st.caption(f"The first {MOST_HITS} of {len(hits):,}.")
