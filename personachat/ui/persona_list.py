"""The list of personas: searched, filtered and sorted, with a mark on unsaved and broken ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

import streamlit as st

from personachat.store.base import StoredPersona
from personachat.ui import bulk, favourites
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

Order: TypeAlias = Literal["name", "favourites", "changed"]
ORDERS: dict[Order, str] = {
    "name": "By name",
    "favourites": "Favourites first",
    "changed": "Last changed first",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One persona in the list; `words` is what a search looks through."""

    id: str
    name: str
    avatar: str
    about: str
    words: str
    tags: frozenset[str] = frozenset()
    is_broken: bool = False
    is_unsaved: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person wants to see of the list."""

    query: str = ""
    tags: frozenset[str] = frozenset()
    only_favourites: bool = False
    order: Order = "name"

    @property
    def filters(self) -> bool:
        return bool(self.tags or self.only_favourites)


_known: dict[str, tuple[Entry, Row]] = {}
"""The row of each entry as it was last made: of ten thousand personas few change between two runs."""


def rows(entries: Sequence[Entry], drafts: Mapping[str, Draft]) -> list[Row]:
    """Personas that were never saved first, then everything stored, in the store's order."""
    made = [_row(entry) for entry in entries]
    if not drafts:
        return made
    stored = {row.id for row in made}
    new = [_new_row(persona_id, draft) for persona_id, draft in drafts.items() if persona_id not in stored]
    return new + [replace(row, is_unsaved=True) if row.id in drafts else row for row in made]


def found(
    everything: Sequence[Row],
    wanted: Wanted,
    *,
    likes: Collection[str] = (),
    changed: Mapping[str, datetime] | None = None,
) -> list[Row]:
    """The rows with every word in their name, description, tags or id, and with all the tags, in order."""
    words = wanted.query.casefold().split()
    hits = [
        row
        for row in everything
        if all(word in row.words for word in words)
        and wanted.tags <= row.tags
        and (row.id in likes or not wanted.only_favourites)
    ]
    if wanted.order == "favourites":
        hits.sort(key=lambda row: row.id not in likes)
    elif wanted.order == "changed" and changed:
        hits.sort(
            key=lambda row: (row.id not in changed, -changed[row.id].timestamp() if row.id in changed else 0)
        )
    return hits


def draw(everything: Sequence[Row], *, selected: str | None) -> None:
    """Draw the search, the filters and the rows they leave."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
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
        wanted = _draw_filters(everything, query or "")
        bulk.draw_switch()
    changed = bulk.changed_at() if wanted.order == "changed" else None
    hits = found(everything, wanted, likes=favourites.mine(), changed=changed)
    if not hits and everything:
        _draw_nothing(wanted)
        return
    if bulk.is_on():
        bulk.draw_actions([row.id for row in hits], everything=[row.id for row in everything])
    height: int | Literal["content"] = LIST_PIXELS if len(hits) > ROWS_IN_SIGHT else "content"
    with st.container(gap=None, height=height, border=False):
        for row in hits[:MOST_ROWS]:
            if bulk.is_on():
                bulk.draw_choice(row.id, _label(row), can=not row.is_broken)
            else:
                _draw_row(row, is_selected=row.id == selected)
    if len(hits) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {len(hits):,}. Search to narrow it down.")


def _draw_filters(everything: Sequence[Row], query: str) -> Wanted:
    tags = sorted({tag for row in everything for tag in row.tags}, key=str.casefold)
    with st.popover(
        ":material/tune:",
        help="Filter and sort",
        type="secondary" if _filters() else "tertiary",
        key="persona_filters",
    ):
        order = st.selectbox(
            "Order",
            list(ORDERS),
            format_func=lambda order: ORDERS[order],
            key="persona_order",
            persist_state="session",
        )
        chosen = st.multiselect(
            "With all of these tags",
            tags,
            key="persona_tags",
            placeholder="Any" if tags else "There are no tags yet",
            disabled=not tags,
            persist_state="session",
        )
        only = st.toggle("Only favourites", key="persona_only_favourites", persist_state="session")
    return Wanted(query, frozenset(chosen) & frozenset(tags), only, order or "name")


def _filters() -> bool:
    remembered = st.session_state.get
    return bool(remembered("persona_tags") or remembered("persona_only_favourites"))


def _draw_nothing(wanted: Wanted) -> None:
    if wanted.query:
        st.caption(f"No persona matches “{escaped(wanted.query)}”.")
        st.caption("The search looks at name, description, tags and id.")
    if wanted.filters:
        st.caption("The filters leave none.")
        st.button("Clear filters", key="clear_filters", type="tertiary", on_click=_clear_filters)


def _clear_filters() -> None:
    st.session_state["persona_tags"] = []
    st.session_state["persona_only_favourites"] = False


def _draw_row(row: Row, *, is_selected: bool) -> None:
    name = _label(row)
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


def _label(row: Row) -> str:
    is_long = len(row.name) > NAME_CHARACTERS
    return escaped(f"{row.name[: NAME_CHARACTERS - 1].rstrip()}…" if is_long else row.name)


def _mark(row: Row) -> str:
    likes = " :orange[:material/star:]" if row.id in favourites.mine() else ""
    broken = " :red[broken]" if row.is_broken else ""
    return likes + broken + (" :orange[●]" if row.is_unsaved else "")


def _help(row: Row) -> str:
    parts = [
        escaped(row.name) if len(row.name) > NAME_CHARACTERS else "",
        escaped(row.about),
        "The file has a fault: open it to see which." if row.is_broken else "",
        "Has unsaved edits." if row.is_unsaved else "",
    ]
    return "  \n".join(part for part in parts if part)


def _row(entry: Entry) -> Row:
    known = _known.get(entry.id)
    if known and known[0] is entry:
        return known[1]
    made = _made(entry)
    _known[entry.id] = (entry, made)
    return made


def _made(entry: Entry) -> Row:
    if isinstance(entry, StoredPersona):
        persona = entry.persona
        words = " ".join((persona.name, persona.description, *persona.tags, persona.id)).casefold()
        return Row(
            entry.id,
            persona.name,
            persona.avatar or DEFAULT_AVATAR,
            persona.description,
            words,
            frozenset(persona.tags),
        )
    words = f"{entry.filename} {name_in(entry.text) or ''}".casefold()
    return Row(entry.id, entry.filename, "", "", words, is_broken=True)


def _new_row(persona_id: str, draft: Draft) -> Row:
    name = name_in(draft.text) or persona_id
    about = "Deleted elsewhere." if draft.etag else "Not saved yet."
    return Row(persona_id, name, DEFAULT_AVATAR, about, f"{name} {persona_id}".casefold(), is_unsaved=True)
