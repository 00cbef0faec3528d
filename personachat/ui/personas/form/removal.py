"""Entries that are taken out of the open persona's text, and the way back to the last of them.

It is offered where the entry stood, also after other edits, until another one is taken out.
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
    """Take out the entry at a path; people know it by `name`."""
    replace(open_persona, path, name, lambda text: without(text, path))


def replace(open_persona: OpenPersona, path: Path, name: str, how: Callable[[str], str]) -> None:
    """Change what stands at a path, and offer what stood there."""

    def changed(text: str) -> str:
        after = how(text)
        if after != text:
            desk().removed = RemovedPart(open_persona.id, path, name, text, after)
        return after

    change(open_persona, changed)


def draw_undo(open_persona: OpenPersona, *places: Path) -> None:
    """Offer the way back if the last entry was taken out of what stands at one of these."""
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
