"""Rating buttons for a reply, and a note that says why."""

from __future__ import annotations

from zlib import crc32

import streamlit as st

from personachat.conversations.model import Rating, Turn
from personachat.ui import session
from personachat.ui.chat.actions import errors_as_notice
from personachat.ui.wording import heard

THUMBS: tuple[Rating, Rating] = (-1, 1)
"""The ratings that st.feedback numbers from 0."""


def draw(turn: Turn) -> None:
    """The buttons and, once one was clicked, the note."""
    key = _thumbs_key(turn.id)
    st.session_state[key] = None if turn.rating is None else THUMBS.index(turn.rating)
    st.feedback("thumbs", key=key, on_change=_rate, args=(turn.id, turn.rating_note))
    if turn.rating is None:
        return
    with (
        st.popover(
            heard("Note"),
            icon=":material/edit_note:",
            help="Note on the rating",
            type="tertiary",
            key=f"note_{crc32(turn.rating_note.encode())}_{turn.id}",  # a new key once it is saved
        ),
        st.form(f"rating_{turn.id}", border=False),
    ):
        st.text_area("Why?", turn.rating_note, key=_note_key(turn.id), max_chars=2_000)
        st.form_submit_button("Save the note", on_click=_write_note, args=(turn.id, turn.rating))


def _rate(turn_id: str, note: str) -> None:
    with errors_as_notice():
        thumb = st.session_state[_thumbs_key(turn_id)]
        rating = None if thumb is None else THUMBS[thumb]
        session.workspace().branches.rate(turn_id, rating, note=note if rating else "")


def _write_note(turn_id: str, rating: Rating) -> None:
    with errors_as_notice():
        note = str(st.session_state[_note_key(turn_id)])
        session.workspace().branches.rate(turn_id, rating, note=note)


def _thumbs_key(turn_id: str) -> str:
    return f"thumbs_{turn_id}"


def _note_key(turn_id: str) -> str:
    return f"note_{turn_id}"
