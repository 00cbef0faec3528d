"""What a page has open, stored in its browser for a session that has lost it.

A returning browser sends what its fields contain, so invisible fields hold what is open. They are drawn
before the page, in a place of their own. What comes back is only the browser's claim: it opens what its owner
may open, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

import streamlit as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from streamlit.proto.WidgetStates_pb2 import WidgetState

from personachat.ui import script_runs

KEY = "mark-"
"""Prefix of the keys of these fields; the name of the mark follows."""

_DIGEST_CHARACTERS = 16

Mark = TypeVar("Mark")


def draw(marks: Mapping[str, object], *, place: str = "marks") -> None:
    """Store these marks, each under its name; None isn't stored. page.css hides each field."""
    with st.container(key=place):
        for name, what in marks.items():
            if what is not None:
                text = to_json(what).decode()
                digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
                st.text_input(
                    "What is open", text, key=f"{KEY}{name}-{digest}", disabled=True, autocomplete="off"
                )


def is_mark(state: WidgetState) -> bool:
    return (script_runs.key_of(state.id) or "").startswith(KEY)


def read_mark(states: tuple[WidgetState, ...], name: str, kind: type[Mark]) -> Mark | None:
    """The mark stored under that name; None if there is none of this kind."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for state in states:
        if (script_runs.key_of(state.id) or "").startswith(f"{KEY}{name}-"):
            with suppress(ValidationError):
                mark: Mark = adapter.validate_json(state.string_value)
                return mark
    return None
