"""A field for a mapping in a suite, such as a JSON Schema: shown as JSON, typed as JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.suites.editing import Path
from personachat.personas.formats.yaml_text import NoYaml, read_yaml
from personachat.ui.tests.form_text import FormText


def is_mapping(value: Any) -> bool:
    """Whether the field can show it: a mapping that JSON can represent, with strings as keys throughout."""
    try:
        return isinstance(value, dict) and bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def draw_mapping(
    text: FormText,
    path: Path,
    value: dict[str, Any],
    put: Callable[[dict[str, Any]], None],
    *,
    label: str,
    help_text: str,
) -> None:
    """The field. Text that isn't a mapping stays in it, with the reason below, and changes nothing."""
    key = text.key(path, value, "mapping")

    def changed() -> None:
        entered = read(str(st.session_state[key]))
        if isinstance(entered, dict) and json.dumps(entered) != json.dumps(value):
            put(entered)

    initial = json.dumps(value, indent=2, ensure_ascii=False) if value else ""
    with st.container():
        typed = st.text_area(
            label, initial, key=key, help=help_text, height=160, disabled=not text.may_edit, on_change=changed
        )
        entry = read(typed)
        if isinstance(entry, str):
            st.caption(f":red[{entry}]")


def read(typed: str) -> dict[str, Any] | str:
    """The typed text as a mapping, or why it isn't one. No text is an empty one."""
    if not typed.strip():
        return {}
    try:
        value = read_yaml(typed)
    except NoYaml as error:
        return f"This isn't valid: there is an error in line {error.line}."
    except PersonaChatError as error:
        return str(error)
    if not is_mapping(value):
        return "This isn't a JSON object."
    return dict(value)
