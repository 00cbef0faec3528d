"""Undo for the last deletion, change of tags or discarded draft; it outlives the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from personachat.personas.store.undos import Undo, UndoKind
from personachat.ui import session
from personachat.ui.owner import current_owner
from personachat.ui.personas.desk import desk
from personachat.ui.personas.kept_drafts import OUT_OF_REACH
from personachat.ui.wording import escaped

BROKEN = "broken"
"""Replaces a draft's name if a broken file was deleted."""


def offer(kind: UndoKind, name: str, what: Sequence[tuple[str, str]]) -> None:
    """Offer to undo what was just done, instead of what was done before; see `Undo`."""
    desk().undo = Undo(kind, name, tuple(what))
    with suppress(*OUT_OF_REACH):
        session.services().undos.offer(current_owner(), kind, name=name, what=what)


def last() -> Undo | None:
    """What can be undone, whichever session did it; None if there is nothing."""
    with suppress(*OUT_OF_REACH):
        return session.services().undos.of(current_owner())
    return desk().undo


def forget() -> None:
    """It was undone, or dismissed."""
    desk().undo = None
    with suppress(*OUT_OF_REACH):
        session.services().undos.forget(current_owner())


def draw(undo: Callable[[], None]) -> None:
    """A line that says what was done, with a button to undo it; nothing if there is nothing."""
    done = last()
    if done is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(_sentence(done), width="stretch")
        st.button("Undo", icon=":material/undo:", on_click=undo, key="undo_delete")
        st.button("Dismiss", icon=":material/close:", type="tertiary", on_click=forget, key="dismiss_undo")


def _sentence(done: Undo) -> str:
    name = f"**{escaped(done.name)}**"
    if done.kind == "discarded":
        return f":material/undo: Discarded the edits to {name}."
    whom = f"**{len(done.what):,} personas**" if len(done.what) > 1 else name
    if done.kind == "tagged":
        return f":material/sell: Changed the tags of {whom}."
    return f":material/delete: Deleted {whom}."
