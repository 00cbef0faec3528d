"""The labels of the open persona's revisions: set on the visible one, moved there, or removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.store.base import Revision
from personachat.personas.store.labels import MOST_CHARACTERS, USUAL, Label
from personachat.ui import session
from personachat.ui.personas.desk import desk, take_typed
from personachat.ui.wording import as_text, escaped

NEW_KEY = "new_label"


def draw(persona_id: str, revision: Revision, labels: Sequence[Label], *, why_not: str | None) -> None:
    """The button that opens the labels of this revision."""
    if revision.action == "deleted":
        return
    with st.popover("Labels", icon=":material/label:", key="revision_labels"):
        here = {each.label for each in labels if each.number == revision.number}
        elsewhere = {each.label: each.number for each in labels if each.number != revision.number}
        st.caption(
            f"A label points to one revision. Chats and the API use it as `{escaped(persona_id)}@label`."
        )
        for name in sorted(here):
            _draw_button(f"Remove {name}", "label_off", _remove, persona_id, name, why_not=why_not)
        for name in dict.fromkeys((*USUAL, *elsewhere)):
            if name not in here:
                words = f"Add the label {name}"
                if name in elsewhere:
                    words = f"Move {name} here from revision {elsewhere[name]}"
                args = (persona_id, name, revision.number)
                _draw_button(words, "label", _put, *args, why_not=why_not)
        with st.form("new_label_form", border=False):
            st.text_input("Another label", key=NEW_KEY, max_chars=MOST_CHARACTERS, placeholder="beta")
            st.form_submit_button(
                "Add",
                on_click=_put_typed,
                args=(persona_id, revision.number),
                disabled=bool(why_not),
                help=why_not or None,
            )
        _draw_moves(persona_id)


def _draw_moves(persona_id: str) -> None:
    """Only the last move: the API has all of them."""
    try:
        moves = session.workspace().collection.labels.moves(persona_id)
    except PersonaChatError:
        return
    if moves:
        last = moves[0]
        done = f"put on revision {last.number}" if last.number else "removed"
        st.caption(f"{escaped(last.label)} was {done} by {as_text(last.author)}.")


def _draw_button(words: str, icon: str, do: Callable[..., None], *args: object, why_not: str | None) -> None:
    st.button(
        escaped(words),
        icon=f":material/{icon}:",
        type="tertiary",
        key=f"label-{words}",
        on_click=do,
        args=args,
        disabled=bool(why_not),
        help=why_not or None,
    )


def _put_typed(persona_id: str, number: int) -> None:
    name = str(st.session_state.get(NEW_KEY) or "").strip()
    if not name:
        return
    _put(persona_id, name, number)
    if desk().error is None:
        st.session_state[NEW_KEY] = ""


def _put(persona_id: str, name: str, number: int) -> None:
    take_typed()
    here = desk()
    here.error = None
    try:
        session.workspace().collection.label(persona_id, name, number)
    except PersonaChatError as error:
        here.error = error
    else:
        here.toast = f"{escaped(name)} is now on revision {number}."


def _remove(persona_id: str, name: str) -> None:
    take_typed()
    here = desk()
    here.error = None
    try:
        session.workspace().collection.unlabel(persona_id, name)
    except PersonaChatError as error:
        here.error = error
    else:
        here.toast = f"The label {escaped(name)} was removed."
