"""The form's fields with one number each, or true and false."""

from __future__ import annotations

from typing import Any

import streamlit as st

from personachat.jsontext.faults import Path
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.form.binding import (
    MISSING,
    FormText,
    draw_problems,
    put,
    remember_value,
    take_out,
)
from personachat.ui.personas.form.fields import help_of
from personachat.ui.personas.form.unshowable import draw_unshowable


def draw_slider(text: FormText, path: Path, label: str, *, most: float, default: float) -> None:
    """A number from 0 up to `most`."""
    value = text.value(path)
    if value is MISSING:
        value = default
    if not _is_number(value) or not 0 <= value <= most:
        draw_unshowable(text, path, label, instead=default)
        return
    key = text.key(path, float(value))
    st.slider(
        label,
        0.0,
        most,
        float(value),
        step=0.05,
        format="%.2f",
        key=key,
        help=help_of(path),
        on_change=_number_changed,
        args=(text.open_persona, path, key),
    )
    draw_problems(text, path)


def draw_share(text: FormText, path: Path, label: str, *, left_label: str) -> None:
    """A number from 0 to 1, or none, which leaves it to the model."""
    value = text.value(path)
    is_left = (value is MISSING or value is None) and not text.is_spoiled(path)
    if not is_left and not (_is_number(value) and 0 <= value <= 1):
        draw_unshowable(text, path, label, instead=1)
        return
    share = 1.0 if is_left else float(value)
    key = text.key(path, share)
    st.slider(
        label,
        0.0,
        1.0,
        share,
        step=0.05,
        format="%.2f",
        key=key,
        disabled=is_left,
        help=help_of(path),
        on_change=_number_changed,
        args=(text.open_persona, path, key),
    )
    left = text.key((*path, "left"), is_left)
    st.checkbox(left_label, is_left, key=left, on_change=_left_changed, args=(text.open_persona, path, left))
    draw_problems(text, path)


def draw_count(
    text: FormText,
    path: Path,
    label: str,
    *,
    least: int,
    most: int,
    step: int,
    default: int | None,
    placeholder: str = "",
) -> None:
    """A whole number; without a `default` it may be left out."""
    value = text.value(path)
    if value is MISSING or (value is None and default is None and not text.is_spoiled(path)):
        value = default
    elif not _is_number(value) or value != int(value) or not least <= value <= most:
        draw_unshowable(text, path, label, instead=default)
        return
    count = None if value is None else int(value)
    key = text.key(path, count)
    st.number_input(
        label,
        min_value=least,
        max_value=most,
        value=count,
        step=step,
        key=key,
        help=help_of(path),
        placeholder=placeholder or None,
        on_change=_number_changed,
        args=(text.open_persona, path, key),
    )
    draw_problems(text, path)


def draw_switch(text: FormText, path: Path, label: str) -> None:
    """True or false; false if not set."""
    value = text.value(path)
    if value is MISSING:
        value = False
    if not isinstance(value, bool):
        draw_unshowable(text, path, label, instead=False)
        return
    key = text.key(path, value)
    st.toggle(
        label, value, key=key, help=help_of(path), on_change=_switched, args=(text.open_persona, path, key)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_changed(open_persona: OpenPersona, path: Path, key: str) -> None:
    value = st.session_state[key]
    if value is not None:
        value = round(value, 4)
    if not remember_value(open_persona, path, value):
        return
    if value is None:
        take_out(open_persona, path)
    else:
        put(open_persona, path, int(value) if value == int(value) else value)


def _switched(open_persona: OpenPersona, path: Path, key: str) -> None:
    if remember_value(open_persona, path, st.session_state[key]):
        put(open_persona, path, st.session_state[key])


def _left_changed(open_persona: OpenPersona, path: Path, key: str) -> None:
    if not remember_value(open_persona, (*path, "left"), st.session_state[key]):
        return
    if st.session_state[key]:
        take_out(open_persona, path)
    else:
        put(open_persona, path, 1)
