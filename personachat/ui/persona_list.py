"""The list of personas: what is searched, and how a row tells unsaved and broken ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from personachat.store.base import StoredPersona
from personachat.ui.persona_desk import Entry
from personachat.ui.persona_editing import select
from personachat.ui.persona_texts import name_in
from personachat.ui.state import Draft
from personachat.ui.transcript import DEFAULT_AVATAR
from personachat.ui.wording import escaped

MOST_ROWS = 100
"""More than this is searched, not scrolled, and would slow down every run of the page."""

ROWS_IN_SIGHT = 11
LIST_PIXELS = 480

NAME_CHARACTERS = 26
"""Longer names are cut, so that the mark behind them stays in sight; the tooltip has the whole."""


@dataclass(frozen=True, slots=True)
class Row:
    """One persona in the list; `words` is what a search looks through."""

    id: str
    name: str
    avatar: str
    about: str
    words: str
    is_broken: bool = False
    is_unsaved: bool = False


def rows(entries: Sequence[Entry], drafts: Mapping[str, Draft]) -> list[Row]:
    """Personas that were never saved first, then everything stored, in the store's order."""
    stored = {entry.id: entry for entry in entries}
    new = [_new_row(persona_id, draft) for persona_id, draft in drafts.items() if persona_id not in stored]
    return new + [_row(entry, is_unsaved=entry.id in drafts) for entry in stored.values()]


def found(everything: Sequence[Row], query: str) -> list[Row]:
    """The rows that have every word of the query in their name, description, tags or id."""
    words = query.casefold().split()
    return [row for row in everything if all(word in row.words for word in words)]


def draw(everything: Sequence[Row], *, selected: str | None) -> None:
    """Draw the search and the rows it leaves."""
    query = st.text_input(
        "Search personas",
        key="persona_search",
        type="search",
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
        live=True,
        persist_state="session",
    )
    hits = found(everything, query or "")
    if not hits and everything:
        st.caption(f"No persona matches “{escaped(query or '')}”.")
        st.caption("The search looks at name, description, tags and id.")
        return
    height: int | Literal["content"] = LIST_PIXELS if len(hits) > ROWS_IN_SIGHT else "content"
    with st.container(gap=None, height=height, border=False):
        for row in hits[:MOST_ROWS]:
            _draw_row(row, is_selected=row.id == selected)
    if len(hits) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(hits):,}. Search to narrow it down.")


def _draw_row(row: Row, *, is_selected: bool) -> None:
    is_long = len(row.name) > NAME_CHARACTERS
    name = escaped(f"{row.name[: NAME_CHARACTERS - 1].rstrip()}…" if is_long else row.name)
    st.button(
        (f"**:primary[{name}]**" if is_selected else name) + _mark(row),
        icon=":material/warning:" if row.is_broken else row.avatar,
        key=f"persona-{row.id}",
        help=_help(row) or None,
        type="tertiary",
        wrap=False,
        on_click=select,
        args=(row.id,),
    )


def _mark(row: Row) -> str:
    return (" :red[broken]" if row.is_broken else "") + (" :orange[●]" if row.is_unsaved else "")


def _help(row: Row) -> str:
    parts = [
        escaped(row.name) if len(row.name) > NAME_CHARACTERS else "",
        escaped(row.about),
        "The file has a fault: open it to see which." if row.is_broken else "",
        "Has unsaved edits." if row.is_unsaved else "",
    ]
    return "  \n".join(part for part in parts if part)


def _row(entry: Entry, *, is_unsaved: bool) -> Row:
    if isinstance(entry, StoredPersona):
        persona = entry.persona
        words = " ".join((persona.name, persona.description, *persona.tags, persona.id)).casefold()
        avatar = persona.avatar or DEFAULT_AVATAR
        return Row(entry.id, persona.name, avatar, persona.description, words, is_unsaved=is_unsaved)
    words = f"{entry.filename} {name_in(entry.text) or ''}".casefold()
    return Row(entry.id, entry.filename, "", "", words, is_broken=True, is_unsaved=is_unsaved)


def _new_row(persona_id: str, draft: Draft) -> Row:
    name = name_in(draft.text) or persona_id
    about = "Deleted elsewhere." if draft.etag else "Not saved yet."
    return Row(persona_id, name, DEFAULT_AVATAR, about, f"{name} {persona_id}".casefold(), is_unsaved=True)
