"""Choosing one of many personas: a short list to pick from, and a search for all others.

A widget's options are sent to the browser in every run, so no list is longer than MOST_CHOICES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice

import streamlit as st

from personachat.personas.persona import Persona
from personachat.personas.search import SearchText, matching
from personachat.ui.chat.state import chat_state
from personachat.ui.chat.transcript import drawable
from personachat.ui.dialogs import dialog
from personachat.ui.faces import in_line, load
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.personas import favourites
from personachat.ui.wording import escaped

MOST_CHOICES = 150
MOST_HITS = 30
SEARCH = "find_persona"


def choices(personas: Mapping[str, Persona], *, also: Sequence[str]) -> list[str]:
    """Ids to choose from, in the given order: all, or if there are many, those named, liked and first."""
    if len(personas) <= MOST_CHOICES:
        return list(personas)
    likes = favourites.mine()
    liked = (persona_id for persona_id in personas if persona_id in likes)
    named = (persona_id for persona_id in also if persona_id in personas)
    unique = dict.fromkeys(chain(named, liked, personas))
    short = frozenset(islice(unique, MOST_CHOICES))
    return [persona_id for persona_id in personas if persona_id in short]


def matching_ids(personas: Mapping[str, Persona], query: str) -> list[str]:
    """Ids of the personas that match the search words."""
    return matching(personas, query, text=lambda persona_id: SearchText.of(personas[persona_id]))


def narrowed(personas: Mapping[str, Persona], *, also: Sequence[str]) -> list[str]:
    """Like `choices`, with a search field if those aren't all; for a dialog, which can't open another."""
    if len(personas) <= MOST_CHOICES:
        return list(personas)
    query = _draw_search(personas)
    if not query:
        return choices(personas, also=also)
    hits = matching_ids(personas, query)
    if not hits:
        _say_nothing(query)
    return hits[:MOST_CHOICES]


def close() -> None:
    chat_state().finding_persona = False


@dialog("Find a persona", icon=":material/person_search:", on_dismiss=close, alone=True)
def ask(personas: Mapping[str, Persona], choose: Callable[[str], None]) -> None:
    """Search all of them; `choose` is called with the id of the one clicked."""
    query = _draw_search(personas)
    hits = matching_ids(personas, query)
    if not hits:
        _say_nothing(query)
    load(personas[persona_id].picture for persona_id in hits[:MOST_HITS])
    with st.container(gap=None, height=360, border=False):
        for persona_id in hits[:MOST_HITS]:
            persona = personas[persona_id]
            picture = in_line(persona.picture)
            st.button(
                f"{picture}{escaped(persona.name)}",
                icon=None if picture else drawable(persona.avatar),
                key=f"find-{persona_id}",
                help=escaped(persona.description) or None,
                type="tertiary",
                wrap=False,
                on_click=choose,
                args=(persona_id,),
            )
    if len(hits) > MOST_HITS:
        st.caption(f"Showing the first {MOST_HITS} of {len(hits):,}.")


def _draw_search(personas: Mapping[str, Persona]) -> str:
    query = st.text_input(
        "Search",
        key=SEARCH,
        type="search",
        placeholder=f"Search {len(personas):,} personas by name, description, tag or id",
        icon=":material/search:",
        label_visibility="collapsed",
        live=SEARCH_PAUSE,
    )
    return (query or "").strip()


def _say_nothing(query: str) -> None:
    st.caption(f"No persona matches “{escaped(query)}”.")
