"""The menu of the open persona: what can be done besides saving, and the dialogs it opens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.store.base import MOST_NOTE_CHARACTERS, BrokenPersona, PersonaStore
from personachat.ui import session
from personachat.ui.compare import ways_in
from personachat.ui.dialogs import dialog
from personachat.ui.personas import access, files, links, save_notes
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import Entry, OpenPersona, OpenQuestion, desk
from personachat.ui.wording import escaped

_MENU = "persona_menu"

NOTED, DUPLICATE, TEMPLATE = "Save with a note…", "Duplicate", "Save as template"
COMPARE = "Compare…"
EXPORT, SHARE, SNIPPET = "Export…", "Share…", "Use it elsewhere…"
ACCESS = "Access…"
RENAME, RENAME_FILE, DISCARD, DELETE = "Rename…", "Rename the file…", "Discard edits", "Delete"

_ICONS = {
    NOTED: ":material/save_as:",
    DUPLICATE: ":material/content_copy:",
    TEMPLATE: ":material/bookmark_add:",
    COMPARE: ":material/compare_arrows:",
    EXPORT: ":material/download:",
    SHARE: ":material/share:",
    ACCESS: ":material/lock_person:",
    SNIPPET: ":material/code:",
    RENAME: ":material/edit:",
    RENAME_FILE: ":material/edit:",
    DISCARD: ":material/undo:",
    DELETE: ":material/delete:",
}


def draw(entries: Sequence[Entry], open_persona: OpenPersona) -> None:
    """Draw the menu with what is possible now. The choice is carried out before the page is drawn."""
    actions = _actions(entries, open_persona)
    labels = {f"{_ICONS[name]} {name}": do for name, do in actions.items()}
    if labels:
        st.menu_button(
            "More",
            list(labels),
            icon=":material/more_vert:",
            type="tertiary",
            key=_MENU,
            on_click=_act,
            args=(labels,),
        )


def draw_dialog(personas: PersonaStore, open_persona: OpenPersona | None) -> bool:
    """Draw the dialog that the menu has opened, if any."""
    question = desk().question
    if question is None:
        return False
    if question.kind == "import":
        files.ask_import()
        return True
    if open_persona is None or open_persona.id != question.persona_id:
        return False
    ask: dict[str, Callable[[], None]] = {
        "export": partial(files.ask_export, open_persona),
        "share": partial(links.ask_share, open_persona),
        "access": partial(access.ask_access, open_persona),
        "snippet": partial(links.ask_snippet, open_persona),
        "note": partial(ask_note, personas, open_persona),
    }
    if question.kind not in ask:
        return False
    ask[question.kind]()
    return True


@dialog("Save with a note", icon=":material/save_as:", on_dismiss=editing.close_question, alone=True)
def ask_note(personas: PersonaStore, open_persona: OpenPersona) -> None:
    st.text_input(
        "What changed in this version?",
        key=save_notes.field_key(open_persona.id),
        live=True,  # a lost connection takes the focus, and with it what isn't sent yet
        max_chars=MOST_NOTE_CHARACTERS,
        placeholder="Shorter answers, asks follow-up questions",
        persist_state="session",
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Save",
            type="primary",
            icon=":material/save:",
            key="save_noted",
            on_click=editing.save_noted,
            args=(personas, open_persona.id),
        )


def _actions(entries: Sequence[Entry], open_persona: OpenPersona) -> dict[str, Callable[[], None]]:
    start, saved = open_persona.persona or open_persona.saved_persona, open_persona.saved_persona is not None
    actions: dict[str, Callable[[], None]] = {}
    may_edit = not session.why_not_edit(open_persona.id)
    if open_persona.draft and not open_persona.problems and may_edit:
        actions[NOTED] = partial(editing.ask, OpenQuestion("note", open_persona.id))
    if start:
        name = f"{start.name[:73]} (copy)"
        actions[DUPLICATE] = partial(editing.create, entries, name=name, start=start)
    if start and may_edit:
        actions[TEMPLATE] = partial(_save_as_template, start)
    if saved:
        drafted = bool(open_persona.draft) and not open_persona.problems
        actions[COMPARE] = partial(ways_in.from_persona, open_persona.id, drafted=drafted)
        actions[EXPORT] = partial(editing.ask, OpenQuestion("export", open_persona.id))
        actions[SHARE] = partial(editing.ask, OpenQuestion("share", open_persona.id))
        if access.may_open(open_persona.id):
            actions[ACCESS] = partial(editing.ask, OpenQuestion("access", open_persona.id))
        actions[SNIPPET] = partial(editing.ask, OpenQuestion("snippet", open_persona.id))
    if saved and may_edit:
        actions[RENAME] = partial(editing.ask, OpenQuestion("rename", open_persona.id))
    if open_persona.draft and open_persona.draft.etag is not None:
        actions[DISCARD] = partial(editing.discard, open_persona.id)
    is_broken = isinstance(open_persona.stored, BrokenPersona)
    if is_broken and may_edit:
        actions[RENAME_FILE] = partial(editing.ask, OpenQuestion("rename", open_persona.id))
    if ((saved or is_broken) and may_edit) or (open_persona.draft and open_persona.draft.etag is None):
        actions[DELETE] = partial(editing.ask, OpenQuestion("delete", open_persona.id))
    return actions


def _act(labels: dict[str, Callable[[], None]]) -> None:
    action = st.session_state.get(_MENU)
    if action in labels:
        labels[action]()


def _save_as_template(persona: Persona) -> None:
    here = desk()
    try:
        session.workspace().gallery.save(persona, author=session.workspace().author)
    except PersonaChatError as error:
        here.error = error
    else:
        here.toast = f"**{escaped(persona.name)}** is now a template under Create new."
