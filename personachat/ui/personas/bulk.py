"""Selecting several personas in the list, and what can be done with them: export, tags, deletion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.comparisons.model import MOST_VARIANTS
from personachat.personas.formats.catalogue import MOST_PERSONAS
from personachat.services.workspace import Workspace
from personachat.ui import session
from personachat.ui.compare import ways_in
from personachat.ui.personas import actions as editing
from personachat.ui.personas import bulk_work
from personachat.ui.personas.desk import OpenQuestion, desk
from personachat.ui.wording import heard

_TAGS_TO_ADD = "tags_to_add"
_TAGS_TO_REMOVE = "tags_to_remove"

CHOICE = "chosen-persona-"
"""Prefix of the keys of the checkboxes; a persona's id follows."""


def is_on() -> bool:
    return desk().choosing


def draw_switch() -> None:
    """The button that begins and ends selecting."""
    st.button(
        heard("Stop selecting" if is_on() else "Select several"),
        icon=":material/close:" if is_on() else ":material/checklist:",
        key="choose_personas",
        help="Stop selecting" if is_on() else "Select several",
        type="tertiary",
        on_click=_switch,
    )


def draw_choice(persona_id: str, label: str, *, is_chosen: bool, can: bool) -> None:
    """The checkbox of one row; a persona that was never saved can't be selected."""
    key = f"{CHOICE}{persona_id}"
    if st.session_state.get(key) != is_chosen:
        st.session_state[key] = is_chosen
    st.checkbox(label, key=key, disabled=not can, on_change=_turn, args=(persona_id,))


def chosen_of(there: Iterable[str]) -> list[str]:
    """The selected ones among these.

    A selection survives a search, and a persona that is gone for a while.
    """
    ids = _chosen_ids()
    return [persona_id for persona_id in there if persona_id in ids]


def draw_actions(
    ids: Sequence[str],
    shown_ids: Sequence[str],
    *,
    tags: Mapping[str, Collection[str]],
    all_tags: Sequence[str],
) -> None:
    """The actions for selected personas, and a button to select all visible ones; `tags` are theirs."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption(f"{len(ids):,} selected", width="content")
        st.button(
            "All",
            key="choose_all",
            type="tertiary",
            help=f"Select all {len(shown_ids):,} personas that match the search and filters",
            on_click=_choose,
            args=(tuple(shown_ids),),
        )
        st.button("None", key="choose_none", type="tertiary", on_click=_choose_none)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        too_many = len(ids) > MOST_PERSONAS
        st.download_button(
            "Export",
            data=session.later(partial(_bundle, ids=tuple(ids))),
            file_name="personas.zip",
            mime="application/zip",
            type="tertiary",
            key="export_chosen",
            disabled=not ids or too_many,
            help=f"An export can have at most {MOST_PERSONAS:,} personas: select fewer."
            if too_many
            else None,
            on_click="ignore",
        )
        st.button(
            "Compare",
            type="tertiary",
            key="compare_chosen",
            disabled=not 2 <= len(ids) <= MOST_VARIANTS,
            help=f"Select 2 to {MOST_VARIANTS} personas to compare their replies.",
            on_click=ways_in.from_list,
            args=(tuple(ids),),
        )
        _draw_tags(ids, sorted({tag for each in ids for tag in tags[each]}, key=str.casefold), all_tags)
        why_not = session.why_not_edit()
        st.button(
            "Delete",
            type="tertiary",
            key="delete_chosen",
            disabled=not ids or bool(why_not),
            help=why_not,
            on_click=editing.ask,
            args=(OpenQuestion("delete_many", chosen=tuple(ids)),),
        )


def draw_done() -> bool:
    """The progress or outcome of the last action, with Undo; False if there is none."""
    return bulk_work.draw()


def changed_at(ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
    """When each persona, or each of these, was last saved, according to the history."""
    with suppress(PersonaChatError):
        return session.workspace().collection.changed_at(ids)
    return {}


def _draw_tags(ids: Sequence[str], theirs: Sequence[str], all_tags: Sequence[str]) -> None:
    with st.popover("Tags", type="tertiary", disabled=not ids, key="tag_chosen"):
        st.multiselect(
            "Add",
            all_tags,
            accept_new_options=True,
            key=_TAGS_TO_ADD,
            placeholder="Enter a new tag or choose one",
        )
        st.multiselect(
            "Remove",
            theirs,
            key=_TAGS_TO_REMOVE,
            placeholder="Choose" if theirs else "They have no tags",
            disabled=not theirs,
        )
        why_not = session.why_not_edit()
        st.button(
            "Apply",
            type="primary",
            key="apply_tags",
            disabled=bool(why_not),
            help=why_not,
            on_click=_tag,
            args=(tuple(ids),),
        )


def _chosen_ids() -> set[str]:
    return desk().chosen


def _switch() -> None:
    desk().choosing = not is_on()
    _choose_none()


def _turn(persona_id: str) -> None:
    if st.session_state.get(f"{CHOICE}{persona_id}"):
        _chosen_ids().add(persona_id)
    else:
        _chosen_ids().discard(persona_id)


def _choose(ids: Iterable[str]) -> None:
    _chosen_ids().update(ids)


def _choose_none() -> None:
    _chosen_ids().clear()


def _bundle(workspace: Workspace, *, ids: tuple[str, ...]) -> bytes:
    return workspace.collection.bundle(ids).content


def _tag(ids: tuple[str, ...]) -> None:
    add = [tag.strip() for tag in st.session_state.get(_TAGS_TO_ADD) or () if tag.strip()]
    remove = list(st.session_state.get(_TAGS_TO_REMOVE) or ())
    if add or remove:
        bulk_work.begin(bulk_work.tag(ids, add=add, remove=remove))
    st.session_state[_TAGS_TO_ADD] = []
    st.session_state[_TAGS_TO_REMOVE] = []
