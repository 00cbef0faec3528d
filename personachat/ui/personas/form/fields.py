"""The form's fields that contain one text each: a line, an area, a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import streamlit as st

from personachat.jsontext.edits import with_value
from personachat.jsontext.faults import Path
from personachat.personas.persona import Persona, Personality
from personachat.ui.personas.desk import OpenPersona
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
from personachat.ui.personas.form.unshowable import draw_unshowable
from personachat.ui.wording import escaped, heard

WhenEmpty: TypeAlias = Literal["keep", "remove"]
"""Whether a key whose field is emptied keeps an empty value or is removed."""

_HELP = {
    field.alias or name: escaped(field.description or "")
    for part in (Personality, Persona)
    for name, field in part.model_fields.items()
} | {"avatar": ("One emoji or an icon. Choose an icon, or enter the name of a Material icon between colons.")}


def draw_line(text: FormText, path: Path, label: str, *, suggestions: Sequence[str] = ()) -> None:
    """A text of one line that updates while typing; a chosen suggestion is added to it."""
    value = _text_in(text, path)
    if value is None or "\n" in value:
        draw_unshowable(text, path, label, instead="")
        return
    key = text.key(path, value)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", wrap=False):
        st.text_input(
            label,
            value,
            key=key,
            help=help_of(path),
            live=True,
            on_change=_text_changed,
            args=(text.open_persona, path, key),
        )
        if suggestions:
            menu = f"{key}-suggestions"
            st.menu_button(
                heard(f"Suggestions for {label.lower()}"),
                suggestions,
                icon=":material/lightbulb:",
                type="tertiary",
                key=menu,
                help=f"Suggestions for {label.lower()}",
                on_click=_take_suggestion,
                args=(text.open_persona, path, menu),
            )
    draw_problems(text, path)


def draw_area(
    text: FormText,
    path: Path,
    label: str,
    *,
    height: int,
    when_empty: WhenEmpty = "keep",
) -> None:
    """A text of many lines."""
    value = _text_in(text, path)
    if value is None:
        draw_unshowable(text, path, label, instead="")
        return
    key = text.key(path, value)
    st.text_area(
        label,
        value,
        key=key,
        height=height,
        help=help_of(path),
        on_change=_text_changed,
        args=(text.open_persona, path, key, when_empty),
    )
    draw_problems(text, path)


def draw_choice(
    text: FormText,
    path: Path,
    label: str,
    suggestions: Sequence[str],
    *,
    placeholder: str,
    when_empty: WhenEmpty = "keep",
    format_func: Callable[[str], str] = str,
    icon: str | None = None,
) -> None:
    """A text that may be one of some suggestions, or any other; "" is offered if it may be left out."""
    value = _text_in(text, path)
    if value is None:
        draw_unshowable(text, path, label, instead="")
        return
    key = text.key(path, value)
    none = [""] if when_empty == "remove" else []
    options = list(dict.fromkeys((*none, *([value] if value else []), *suggestions)))
    st.selectbox(
        label,
        options,
        index=options.index(value) if value in options else None,
        key=key,
        help=help_of(path),
        placeholder=placeholder,
        accept_new_options=True,
        format_func=format_func,
        icon=icon,
        on_change=_text_changed,
        args=(text.open_persona, path, key, when_empty),
    )
    draw_problems(text, path)


def help_of(path: Path) -> str | None:
    """The schema's description of a key."""
    return _HELP.get(str(path[-1])) if path else None


def _text_in(text: FormText, path: Path) -> str | None:
    """The text at a path, "" if there is none; None if there is something else."""
    value = text.value(path)
    if value is MISSING:
        return ""
    return value if isinstance(value, str) and not text.is_spoiled(path) else None


def _text_changed(open_persona: OpenPersona, path: Path, key: str, when_empty: WhenEmpty = "keep") -> None:
    value = st.session_state[key] or ""
    if not remember_value(open_persona, path, value):
        return
    if not value and when_empty == "remove":
        take_out(open_persona, path)
    else:
        put(open_persona, path, value)


def _take_suggestion(open_persona: OpenPersona, path: Path, key: str) -> None:
    suggestion = st.session_state[key]

    def add(text: str) -> str:
        value = FormText(replace(open_persona, text=text)).value(path)
        return with_value(text, path, f"{value}, {suggestion}" if value else suggestion, order=ORDER)

    if suggestion:
        change(open_persona, add)
