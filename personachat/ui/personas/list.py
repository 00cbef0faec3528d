"""The list of personas: searched, filtered, sorted, in folders and pages, with distinguishable rows.

The keyboard stops at it once: the arrow keys move in it (listbox.js), and the open row is the current one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import shorten

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.accounts import persona_access
from personachat.lab.runs.scoring import LastResult
from personachat.ui import faces, last_seen, script_runs, session
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.parts import part
from personachat.ui.personas import bulk, favourites, test_results
from personachat.ui.personas.actions import select
from personachat.ui.personas.rows import ORDERS, ListFilter, Row, filtered_rows, folders_of, rows, tags_of
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import counted, escaped, heard

_ONLY_FAVOURITES = "persona_only_favourites"
_TAGS = "persona_tags"

PAGE_ROWS = 50
"""Rows per page: more would slow down every run of the page."""

ABOUT_CHARACTERS = 90
"""Characters of a description; the tooltip has all of it."""

_FOLDERS = "persona_folders"
FOLDER = "persona_folder"
ORDER, GROUPED = "persona_order", "persona_grouped"


@part
def draw(everything: Sequence[Row], *, selected: str | None) -> None:
    """Draw the search, the filters and the matching rows; a search covers all personas at that time."""
    if script_runs.runs_alone():
        with persona_access.read_once():
            _draw(_rows_now(), selected=selected)
    else:
        _draw(everything, selected=selected)


def _rows_now() -> Sequence[Row]:
    workspace = session.workspace()
    entries, _ = last_seen.personas(workspace.personas, owner=workspace.owner)
    return rows(entries, session.drafts())


def _draw(everything: Sequence[Row], *, selected: str | None) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        query = st.text_input(
            "Search personas",
            key="persona_search",
            type="search",
            placeholder="Search",
            icon=":material/search:",
            label_visibility="collapsed",
            live=SEARCH_PAUSE,
            persist_state="session",
        )
        tags = tags_of(everything, also=st.session_state.get(_TAGS) or ())
        list_filter = _draw_filters(tags, query or "")
        bulk.draw_switch()
    likes = favourites.mine()
    changed = bulk.changed_at() if list_filter.order == "changed" else None
    if _shows_folders(list_filter):
        _draw_folders(everything)
        return
    if list_filter.folder is not None:
        _draw_way_back(list_filter.folder)
    hits = filtered_rows(everything, list_filter, likes=likes, changed=changed)
    page = _page(hits, list_filter, selected=selected)
    if bulk.is_on():
        _draw_choices(everything, hits, page, tags)
    elif hits:
        changed = changed or bulk.changed_at([row.id for row in page])
        faces.load(row.picture for row in page)
        here = personas_state()
        here.etags_in_list = {row.id: row.etag for row in page if row.etag}
        results = test_results.of(here.etags_in_list)
        with _box():
            for row in page:
                _draw_row(
                    row,
                    is_selected=row.id == selected,
                    is_liked=row.id in likes,
                    when=changed.get(row.id),
                    result=results.get(row.id),
                )
    if not hits and everything:
        _draw_nothing(list_filter)
        if list_filter.folder is not None and not list_filter.filters:
            st.caption("This folder is empty now.")
    _draw_pager(len(hits))


def _draw_choices(
    everything: Sequence[Row], hits: Sequence[Row], page: Sequence[Row], tags: Sequence[str]
) -> None:
    there = {row.id: row.tags for row in everything if row.can_be_chosen}
    chosen_ids = bulk.chosen_of(there)
    bulk.draw_actions(chosen_ids, [row.id for row in hits if row.can_be_chosen], tags=there, all_tags=tags)
    if hits:
        with _box():
            for row in page:
                bulk.draw_choice(row.id, _name(row), is_chosen=row.id in chosen_ids, can=row.can_be_chosen)


def _box() -> DeltaGenerator:
    """Where the rows go: as high as they are, or at most as the window (page.css), and then it scrolls."""
    return st.container(gap=None, border=False, key="persona_rows")


# --- folders and pages --------------------------------------------------------------------------------


def _shows_folders(list_filter: ListFilter) -> bool:
    """Whether folders can be chosen: a search covers all of them."""
    return bool(st.session_state.get(_FOLDERS)) and list_filter.folder is None and not list_filter.query


def _draw_folders(everything: Sequence[Row]) -> None:
    with _box():
        for number, (tag, count) in enumerate(folders_of(everything)):
            name = escaped(tag) if tag else "No tags"
            st.button(
                f"**{name}** :small[{counted(count, 'persona')}]",
                icon=":material/folder:" if tag else ":material/folder_off:",
                key=f"folder-{number}",
                type="tertiary",
                on_click=_open_folder,
                args=(tag,),
            )
    st.caption("A search covers all folders.")


def _draw_way_back(folder: str) -> None:
    st.button(
        f"All folders / **{escaped(folder) if folder else 'No tags'}**",
        icon=":material/arrow_back:",
        key="leave_folder",
        type="tertiary",
        on_click=_open_folder,
        args=(None,),
    )


def _open_folder(folder: str | None) -> None:
    st.session_state[FOLDER] = folder


def _page(hits: Sequence[Row], list_filter: ListFilter, *, selected: str | None) -> Sequence[Row]:
    """The page to show: the first after a new search, or that of the persona that is opened."""
    here = personas_state()
    filter_before, selected_before = here.list_before
    here.list_before = (list_filter, selected)
    at = next((at for at, row in enumerate(hits) if row.id == selected), None)
    if selected != selected_before and at is not None:
        here.page = at // PAGE_ROWS
    elif list_filter != filter_before:
        here.page = 0
    last = max(0, (len(hits) - 1) // PAGE_ROWS)
    here.page = min(here.page, last)
    start = here.page * PAGE_ROWS
    return hits[start : start + PAGE_ROWS]


def _draw_pager(count: int) -> None:
    if count <= PAGE_ROWS:
        return
    number = personas_state().page
    first, last = number * PAGE_ROWS + 1, min((number + 1) * PAGE_ROWS, count)
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        _draw_turn("Previous page", "chevron_left", -1, disabled=first == 1)
        st.caption(f"{first:,} to {last:,} of {count:,}", width="content")
        _draw_turn("Next page", "chevron_right", 1, disabled=last == count)


def _draw_turn(name: str, icon: str, step: int, *, disabled: bool) -> None:
    st.button(
        heard(name),
        icon=f":material/{icon}:",
        help=name,
        type="tertiary",
        key=f"persona_page_{icon}",
        disabled=disabled,
        on_click=_turn,
        args=(step,),
    )


def _turn(step: int) -> None:
    personas_state().page += step


# --- filters --------------------------------------------------------------------------------------------


def _draw_filters(tags: Sequence[str], query: str) -> ListFilter:
    with st.popover(
        heard("Filter and sort"),
        icon=":material/tune:",
        help="Filter and sort",
        type="secondary" if _filters() else "tertiary",
        key="persona_filters",
    ):
        order = st.selectbox(
            "Order",
            list(ORDERS),
            format_func=lambda order: ORDERS[order],
            key=ORDER,
            persist_state="session",
            on_change=_remember_order,
        )
        chosen_tags = st.multiselect(
            "With all of these tags",
            tags,
            key=_TAGS,
            placeholder="Any" if tags else "No tags yet",
            disabled=not tags,
            persist_state="session",
        )
        only = st.toggle("Favourites only", key=_ONLY_FAVOURITES, persist_state="session")
        st.session_state.setdefault(_FOLDERS, st.session_state.get(GROUPED) == "folders")
        grouped = st.toggle("Folders by tag", key=_FOLDERS, on_change=_group, persist_state="session")
    folder = st.session_state.get(FOLDER) if grouped and not query.strip() else None
    return ListFilter(query, frozenset(chosen_tags), only, order or "name", folder)


def _remember_order() -> None:
    """The whole page runs, which also stores the order for the next visit."""


def _group() -> None:
    st.session_state[GROUPED] = "folders" if st.session_state.get(_FOLDERS) else "list"
    st.session_state[FOLDER] = None


def _filters() -> bool:
    remembered = st.session_state.get
    return bool(remembered("persona_tags") or remembered("persona_only_favourites"))


def _draw_nothing(list_filter: ListFilter) -> None:
    if list_filter.query:
        st.caption(f"No persona matches “{escaped(list_filter.query)}”.")
        st.caption("The search covers name, description, tags, id and prompt.")
    if list_filter.filters:
        st.caption("No persona matches these filters.")
        st.button("Clear filters", key="clear_persona_filters", type="tertiary", on_click=_clear_filters)


def _clear_filters() -> None:
    st.session_state[_TAGS] = []
    st.session_state[_ONLY_FAVOURITES] = False


def _draw_row(
    row: Row, *, is_selected: bool, is_liked: bool, when: datetime | None, result: LastResult | None
) -> None:
    picture = faces.in_line(row.picture)
    icon = None if picture else row.avatar
    marks = _mark(row, is_liked=is_liked) + test_results.mark(result)
    st.button(
        f"{picture}**{_name(row)}**{marks}  \n:small[{_about(row, when)}]",
        icon=":material/warning:" if row.is_broken else icon,
        key=f"persona-{row.id}",
        help=_help(row, result) or None,
        type="secondary" if is_selected else "tertiary",
        wrap=True,
        on_click=select,
        args=(row.id,),
    )


def _name(row: Row) -> str:
    return escaped(row.name)


def _about(row: Row, when: datetime | None) -> str:
    """The second line: what tells it from others with its name, its model, its age, its description."""
    ago_words = ago(when, now=datetime.now(UTC), zone=viewer_zone()) if when else ""
    about = shorten(row.about, ABOUT_CHARACTERS, placeholder=" …")
    parts = (row.id if row.is_namesake else "", row.model, ago_words, about)
    return escaped(" · ".join(part for part in parts if part)) or escaped(row.id)


def _mark(row: Row, *, is_liked: bool) -> str:
    star = " ⭐" if is_liked else ""
    broken = " :red[broken]" if row.is_broken else ""
    return star + broken + (" :orange[● Unsaved]" if row.is_unsaved else "")


def _help(row: Row, result: LastResult | None) -> str:
    parts = [
        escaped(row.about) if len(row.about) > ABOUT_CHARACTERS else "",
        "The file has an error. Open it for details." if row.is_broken else "",
        "Has unsaved edits." if row.is_unsaved else "",
        test_results.explanation(result) if result else "",
    ]
    return "  \n".join(part for part in parts if part)
