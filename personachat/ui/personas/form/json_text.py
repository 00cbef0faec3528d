"""The form's field for an object as JSON, for values that have no fields of their own."""

from __future__ import annotations

import json
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
from personachat.ui.personas.form.unshowable import draw_unshowable

NO_OBJECT = 'This must be a JSON object, such as { "top_k": 40 }. Your change is not applied yet.'


def draw_object(text: FormText, path: Path, label: str, *, explanation: str, placeholder: str) -> None:
    """An object; none if the field is empty. Text that isn't an object stays in the field and isn't saved."""
    value = text.value(path)
    if value is not MISSING and (not isinstance(value, dict) or text.is_spoiled(path)):
        draw_unshowable(text, path, label, instead={})
        return
    written = _written(value if isinstance(value, dict) else {})
    key = text.key(path, written)
    st.text_area(
        label,
        written,
        key=key,
        height="content",
        help=explanation,
        placeholder=placeholder,
        on_change=_object_changed,
        args=(text.open_persona, path, key),
    )
    if _object_in(st.session_state.get(key) or "") is None:
        st.markdown(f":red[:material/error: {NO_OBJECT}]")
    draw_problems(text, path, within=True)


def _object_changed(open_persona: OpenPersona, path: Path, key: str) -> None:
    value = _object_in(st.session_state[key] or "")
    if value is None:
        return
    remember_value(open_persona, path, _written(value))
    if value:
        put(open_persona, path, value)
    else:
        take_out(open_persona, path)


def _object_in(written: str) -> dict[str, Any] | None:
    """The object in the field, an empty one for no text; None for anything else."""
    if not written.strip():
        return {}
    try:
        value = json.loads(written, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and the like aren't JSON


def _written(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
