"""The form's fields with many values: entries to add, move and remove.

The row after the last entry is empty; text written there becomes an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import streamlit as st

from personachat.jsontext.edits import swapped, with_value
from personachat.jsontext.faults import Path
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.form import removal
from personachat.ui.personas.form.binding import (
    MISSING,
    ORDER,
    FormText,
    change,
    draw_problems,
    put,
    remember_value,
    take_out,
)
from personachat.ui.personas.form.fields import help_of
from personachat.ui.personas.form.unshowable import draw_unshowable
from personachat.ui.wording import heard

UP, DOWN, REMOVE = "Move up", "Move down", "Remove"
SIDES = ("user", "assistant")
ENTRY_PIXELS = 90

Row: TypeAlias = Callable[[FormText, Path, str], None]
"""Draws the entry at a path, which may be the one after the last, under a label."""

Adding: TypeAlias = Literal["row", "button"]
"""Whether a new entry begins in an empty row, or with a button."""


def draw_tags(text: FormText, path: Path, label: str, *, all_tags: Sequence[str]) -> None:
    """Short texts as chips; `all_tags` are suggested."""
    value = text.value(path)
    if value is MISSING:
        value = []
    if not _are_texts(value) or text.is_spoiled(path):
        draw_unshowable(text, path, label, instead=[])
        return
    tags = list(dict.fromkeys(value))
    key = text.key(path, tags)
    st.multiselect(
        label,
        list(dict.fromkeys((*tags, *all_tags))),
        tags,
        key=key,
        help=help_of(path),
        placeholder="Add a tag",
        accept_new_options=True,
        select_all=False,
        on_change=_tags_changed,
        args=(text.open_persona, path, key),
    )
    draw_problems(text, path, within=True)


def draw_rows(
    text: FormText,
    path: Path,
    label: str,
    draw_row: Row,
    *,
    most: int,
    noun: str,
    adding: Adding,
) -> None:
    """A list, a row per entry; a new one begins in the empty row, or with a button that opens it."""
    entries = text.value(path)
    if entries is MISSING:
        entries = []
    if not isinstance(entries, list):
        draw_unshowable(text, path, label, instead=[])
        return
    st.markdown(f":small[{label}]", help=help_of(path))
    count = len(entries)
    opened = f"form-adding-{text.open_persona.id}-{path[0]}"
    has_empty = count < most and (adding == "row" or st.session_state.get(opened) == count)
    for at in range(count + has_empty):
        with st.container(horizontal=True, vertical_alignment="top", gap="xsmall", wrap=False):
            with st.container(gap="xsmall", width="stretch"):
                draw_row(text, (*path, at), f"{noun} {at + 1}")
                if at < count:
                    draw_problems(text, (*path, at))
            _draw_menu(text, path, at, count=count, noun=noun)
    draw_problems(text, path)
    removal.draw_undo(text.open_persona, path)
    if adding == "button" and not has_empty and count < most:
        st.button(
            f"Add {noun.lower()}",
            icon=":material/add:",
            type="tertiary",
            key=f"form-add-{path[0]}",
            on_click=_open_row,
            args=(opened, count),
        )


def line_row(text: FormText, path: Path, label: str) -> None:
    """An entry of one line."""
    value = _entry(text, path)
    if value is None or "\n" in value:
        draw_unshowable(text, path, label, instead="")
        return
    key = text.key(path, value)
    st.text_input(
        label,
        value,
        key=key,
        placeholder=_placeholder(text, path),
        label_visibility="collapsed",
        live=True,
        on_change=_entry_changed,
        args=(text.open_persona, path, key),
    )


def area_row(text: FormText, path: Path, label: str) -> None:
    """An entry of many lines."""
    value = _entry(text, path)
    if value is None:
        draw_unshowable(text, path, label, instead="")
        return
    key = text.key(path, value)
    st.text_area(
        label,
        value,
        key=key,
        height=ENTRY_PIXELS,
        placeholder=_placeholder(text, path),
        label_visibility="collapsed",
        on_change=_entry_changed,
        args=(text.open_persona, path, key),
    )


def exchange_row(text: FormText, path: Path, label: str) -> None:
    """An entry with two sides: a message, and the answer."""
    entry = text.value(path)
    if entry is not MISSING and not isinstance(entry, dict):
        draw_unshowable(text, path, label, instead=dict.fromkeys(SIDES, ""))
        return
    for side, says in zip(SIDES, ("the user says", "the answer"), strict=True):
        value = text.value((*path, side))
        if value is MISSING:
            value = ""
        if not isinstance(value, str) or text.is_spoiled((*path, side)):
            draw_unshowable(text, (*path, side), f"{label}: {says}", instead="")
            continue
        key = text.key((*path, side), value)
        st.text_area(
            f"{label}: {says}",
            value,
            key=key,
            height=ENTRY_PIXELS,
            on_change=_side_changed,
            args=(text.open_persona, path, side, key),
        )
        if entry is not MISSING:
            draw_problems(text, (*path, side))


def _entry(text: FormText, path: Path) -> str | None:
    """The text of an entry, "" for the empty row; None if it isn't text."""
    value = text.value(path)
    if value is MISSING:
        return ""
    return value if isinstance(value, str) and not text.is_spoiled(path) else None


def _placeholder(text: FormText, path: Path) -> str:
    if text.value(path) is not MISSING:
        return ""
    return "Add another" if path[-1] else "Add one"


def _draw_menu(text: FormText, path: Path, at: int, *, count: int, noun: str) -> None:
    options = [
        *([UP] if 0 < at < count else []),
        *([DOWN] if at < count - 1 else []),
        REMOVE,
    ]
    key = f"form-menu-{path[0]}-{at}"
    st.menu_button(
        heard(f"Move or remove {noun.lower()} {at + 1}"),
        options,
        icon=":material/more_vert:",
        type="tertiary",
        key=key,
        help=f"Move or remove {noun.lower()} {at + 1}",
        disabled=at >= count,
        on_click=_choose,
        args=(text.open_persona, path, at, f"{noun.lower()} {at + 1}", key),
        kwargs={"is_last": count == 1},
    )


# --- what they do -------------------------------------------------------------------------------------


def _open_row(opened: str, count: int) -> None:
    st.session_state[opened] = count


def _choose(open_persona: OpenPersona, path: Path, at: int, name: str, key: str, *, is_last: bool) -> None:
    choice = st.session_state[key]
    if choice == REMOVE:
        removal.remove(open_persona, path if is_last else (*path, at), name)
    elif choice in (UP, DOWN):
        other = at - 1 if choice == UP else at + 1
        change(open_persona, lambda text: swapped(text, (*path, at), other))


def _entry_changed(open_persona: OpenPersona, path: Path, key: str) -> None:
    value = st.session_state[key] or ""
    if remember_value(open_persona, path, value):
        _put_entry(open_persona, path, value)


def _side_changed(open_persona: OpenPersona, path: Path, side: str, key: str) -> None:
    value = st.session_state[key] or ""
    if not remember_value(open_persona, (*path, side), value):
        return
    if FormText(open_persona).value(path) is MISSING:
        _put_entry(open_persona, path, dict.fromkeys(SIDES, "") | {side: value})
    else:
        put(open_persona, (*path, side), value)


def _tags_changed(open_persona: OpenPersona, path: Path, key: str) -> None:
    value = list(st.session_state[key])
    if not remember_value(open_persona, path, value):
        return
    if value:
        put(open_persona, path, value)
    else:
        take_out(open_persona, path)


def _put_entry(open_persona: OpenPersona, path: Path, value: Any) -> None:
    """Set an entry. A new one goes to the end of its list, which is created if necessary."""
    if not value and FormText(open_persona).value(path) is MISSING:
        return
    if FormText(open_persona).value(path[:-1]) is MISSING:
        path, value = path[:-1], [value]
    change(open_persona, lambda text: with_value(text, path, value, order=ORDER))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
