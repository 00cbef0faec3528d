"""Removed entries of the open persona's text, and a button to put the last one back.

It is shown where the entry was, also after other edits, until another one is removed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from personachat.jsontext.edits import put_back, without
from personachat.jsontext.faults import Path
from personachat.ui.personas.desk import OpenPersona, RemovedPart, desk
from personachat.ui.personas.form.binding import change
from personachat.ui.wording import as_text


def remove(open_persona: OpenPersona, path: Path, name: str) -> None:
    """Remove the entry at a path; people know it by `name`."""
    replace(open_persona, path, name, lambda text: without(text, path))


def replace(open_persona: OpenPersona, path: Path, name: str, how: Callable[[str], str]) -> None:
    """Change the value at a path, and offer to put the old one back."""

    def changed(text: str) -> str:
        after = how(text)
        if after != text:
            desk().removed = RemovedPart(open_persona.id, path, name, text, after)
        return after

    change(open_persona, changed)


def draw_undo(open_persona: OpenPersona, *places: Path) -> None:
    """Offer to put the last removed entry back if it was in one of these."""
    part = desk().removed
    if part is None or part.persona_id != open_persona.id:
        return
    if not any(part.path[: len(place)] == place for place in places):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/delete: Removed {as_text(part.name)}.", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            type="tertiary",
            key="undo_removal",
            on_click=_undo,
            args=(open_persona, part),
        )


def _undo(open_persona: OpenPersona, part: RemovedPart) -> None:
    def restored(now: str) -> str:
        text = put_back(part.before, part.after, now, part.path)
        desk().removed = None
        return text

    with suppress(TypeError):  # what it stood in is no list any more; it stays on offer
        change(open_persona, restored)
