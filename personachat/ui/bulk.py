"""Doing the same to several personas: choosing them in the list, then export, tags or deletion, with undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import cast

import streamlit as st

from personachat.collection import Changed, Collection
from personachat.errors import PersonaChatError
from personachat.ui import state
from personachat.ui.wording import error_text, escaped

CHOICE = "chosen-persona-"
"""What the keys of the checkboxes begin with; a persona's id follows."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done last, to be undone; `errors` are sentences about those it was not done to."""

    what: str
    changed: Changed
    deleted: bool


def is_on() -> bool:
    return bool(st.session_state.get("choosing_personas"))


def draw_switch() -> None:
    """The button that begins and ends choosing."""
    st.button(
        ":material/close:" if is_on() else ":material/checklist:",
        key="choose_personas",
        help="Stop selecting" if is_on() else "Select several",
        type="tertiary",
        on_click=_switch,
    )


def draw_choice(persona_id: str, label: str, *, can: bool) -> None:
    """One row that can be chosen; a broken file cannot."""
    st.checkbox(label, key=f"{CHOICE}{persona_id}", disabled=not can, persist_state="session")


def draw_actions(shown: Sequence[str], *, everything: Iterable[str]) -> None:
    """What can be done to the chosen ones, and a way to choose all that are shown."""
    chosen = [persona_id for persona_id in everything if st.session_state.get(f"{CHOICE}{persona_id}")]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption(f"{len(chosen)} selected", width="content")
        st.button("All", key="choose_all", type="tertiary", on_click=_choose, args=(tuple(shown), True))
        st.button("None", key="choose_none", type="tertiary", on_click=_choose, args=(tuple(chosen), False))
    with st.container(horizontal=True, gap="xsmall"):
        st.download_button(
            "Export",
            data=partial(_bundle, tuple(chosen)),
            file_name="personas.zip",
            mime="application/zip",
            icon=":material/download:",
            key="export_chosen",
            disabled=not chosen,
            on_click="ignore",
        )
        _draw_tags(chosen)
        st.button(
            "Delete",
            icon=":material/delete:",
            key="delete_chosen",
            disabled=not chosen,
            on_click=_delete,
            args=(tuple(chosen),),
        )


def draw_done() -> None:
    """What was done last and the way back; what went wrong stays until it is dismissed."""
    done = cast("Done | None", st.session_state.get("bulk_done"))
    if done is None:
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(done.what, width="stretch")
            if done.changed.before:
                st.button("Undo", icon=":material/undo:", key="undo_bulk", on_click=_undo, args=(done,))
            st.button(
                "Dismiss", icon=":material/close:", type="tertiary", key="dismiss_bulk", on_click=_forget
            )
        for error in done.changed.errors:
            st.caption(f":material/error: {error_text(error)}")


def changed_at() -> Mapping[str, datetime]:
    """When each persona was saved last, as far as the history knows."""
    with suppress(PersonaChatError):
        return _collection().changed_at()
    return {}


def _draw_tags(chosen: Sequence[str]) -> None:
    with st.popover("Tags", icon=":material/sell:", disabled=not chosen, key="tag_chosen"):
        there = sorted({tag for stored in _stored(chosen) for tag in stored}, key=str.casefold)
        st.multiselect(
            "Add", there, accept_new_options=True, key="tags_to_add", placeholder="Type a new tag or choose"
        )
        st.multiselect("Remove", there, key="tags_to_remove", placeholder="Choose", disabled=not there)
        st.button("Apply", type="primary", key="apply_tags", on_click=_tag, args=(tuple(chosen),))


def _stored(chosen: Sequence[str]) -> list[tuple[str, ...]]:
    tags = []
    for persona_id in chosen:
        with suppress(PersonaChatError):
            tags.append(_collection().get(persona_id).persona.tags)
    return tags


def _switch() -> None:
    st.session_state["choosing_personas"] = not is_on()
    _choose([str(key).removeprefix(CHOICE) for key in st.session_state if str(key).startswith(CHOICE)], False)


def _choose(ids: Iterable[str], chosen: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    for persona_id in ids:
        st.session_state[f"{CHOICE}{persona_id}"] = chosen


def _bundle(chosen: tuple[str, ...]) -> bytes:
    return _collection().bundle(chosen).content


def _tag(chosen: tuple[str, ...]) -> None:
    add = [tag.strip() for tag in st.session_state.get("tags_to_add") or () if tag.strip()]
    remove = list(st.session_state.get("tags_to_remove") or ())
    if add or remove:
        done = _collection().tag(chosen, add=add, remove=remove)
        _say("Changed the tags of", done, deleted=False)
    st.session_state["tags_to_add"] = []
    st.session_state["tags_to_remove"] = []


def _delete(chosen: tuple[str, ...]) -> None:
    done = _collection().delete_all(chosen)
    _choose([stored.id for stored in done.before], False)
    if state.remembered("id") in {stored.id for stored in done.before}:
        state.remember("id", None)
    _say("Deleted", done, deleted=True)


def _say(what: str, changed: Changed, *, deleted: bool) -> None:
    count = len(changed.before)
    names = f"**{escaped(changed.before[0].persona.name)}**" if count == 1 else f"**{count} personas**"
    st.session_state["bulk_done"] = Done(f"{what} {names}.", changed, deleted)


def _undo(done: Done) -> None:
    if done.deleted:
        errors: list[PersonaChatError] = []
        for stored in done.changed.before:
            try:
                _collection().bring_back(stored.id)
            except PersonaChatError as error:
                errors.append(error)
        undone = Changed((), (), tuple(errors))
    else:
        found = _collection().save_again(done.changed.before, over=done.changed.after)
        undone = Changed((), (), found.errors)
    what = "Brought back." if done.deleted else "Undone."
    st.session_state["bulk_done"] = Done(what, undone, deleted=False) if undone.errors else None


def _forget() -> None:
    st.session_state["bulk_done"] = None


def _collection() -> Collection:
    return state.workspace().collection
