"""What people do to personas on their page: select, create, save, discard, delete, undo.

Every action first takes in what the editor holds, and leaves a word for the page to show.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.authors import author_of
from personachat.errors import PersonaChanged, PersonaChatError, PersonaExists
from personachat.persona import Persona, check_persona, parse_persona
from personachat.store.base import PersonaStore, Saving, StoredPersona
from personachat.ui import state
from personachat.ui.owner import current_owner
from personachat.ui.persona_desk import JSON_TAB, TAB_KEY, Deleted, Entry, Question, desk, take_typed
from personachat.ui.persona_texts import changes, name_in, new_text
from personachat.ui.state import Draft
from personachat.ui.wording import escaped

NOTE_KEY = "save_note"
"""Where the session has the note for the next save."""


def select(persona_id: str) -> None:
    """Open another persona."""
    _begin()
    state.remember("id", persona_id)


def show_line(line: int) -> None:
    """Show a line of the text in the editor."""
    take_typed()
    desk().line = line
    st.session_state[TAB_KEY] = JSON_TAB


def ask(question: Question) -> None:
    _begin()
    desk().question = question


def close_question() -> None:
    desk().question = None


def create(entries: Sequence[Entry], *, name: str, start: Persona | None = None) -> None:
    """Open a new persona as a draft; nothing is stored before it is saved."""
    _begin()
    taken = {entry.id for entry in entries} | set(state.drafts())
    model = state.services().models.best() if start is None else start.model
    persona_id, text = new_text(name.strip() or "New persona", taken=taken, start=start, model=model)
    state.drafts()[persona_id] = Draft(text, "", None)
    state.remember("id", persona_id)


def save(personas: PersonaStore, persona_id: str) -> None:
    """Save the draft, with the note that was written for it; on a newer version ask what to do."""
    _begin()
    draft = state.drafts().get(persona_id)
    if draft is None:
        return
    try:
        persona = parse_persona(draft.text)
        if draft.etag is None or persona.id != persona_id:
            _saved(persona_id, draft, personas.create(draft.text, saving=_saving()))
        else:
            _saved(persona_id, draft, personas.save(draft.text, etag=draft.etag, saving=_saving()))
    except PersonaChanged as newer:
        desk().question = Question("conflict", persona_id, newer)
    except PersonaExists as error:
        _say_exists(personas, persona_id, persona, error)
    except PersonaChatError as error:
        desk().error = error


def keep_mine(personas: PersonaStore, persona_id: str, theirs: PersonaChanged) -> None:
    """Save the draft over the newer version that was shown, and over no other."""
    _begin()
    draft = state.drafts().get(persona_id)
    if draft is None:
        return
    try:
        if theirs.etag is None:
            _saved(persona_id, draft, personas.create(draft.text, saving=_saving()))
        else:
            _saved(persona_id, draft, personas.save(draft.text, etag=theirs.etag, saving=_saving()))
    except PersonaChanged as newer:
        desk().question = Question("conflict", persona_id, newer)
    except PersonaChatError as error:
        desk().error = error


def discard(persona_id: str) -> None:
    """Throw the draft away and show what is stored."""
    _begin()
    if state.drafts().pop(persona_id, None):
        desk().said = "Your edits are discarded."
    desk().mount = desk().left = None


def delete(personas: PersonaStore, persona_id: str, *, etag: str | None) -> None:
    """Delete the version of a persona that was shown, or a draft never saved; `undo` brings it back."""
    _begin()
    here, draft = desk(), state.drafts().get(persona_id)
    try:
        if draft and draft.etag is None:
            here.deleted = Deleted(name_in(draft.text) or persona_id, "", persona_id, draft)
        else:
            gone = personas.delete(persona_id, etag=etag, saving=_saving())
            here.deleted = Deleted(gone.persona.name, gone.text, persona_id, draft)
    except PersonaChatError as error:
        here.error = error
        return
    state.drafts().pop(persona_id, None)
    here.mount = here.left = None
    state.remember("id", None)


def undo(personas: PersonaStore) -> None:
    """Bring back what was deleted last, with the edits that were not saved."""
    _begin()
    here, deleted = desk(), desk().deleted
    if deleted is None:
        return
    draft = deleted.draft
    try:
        if deleted.text:
            again = personas.create(
                deleted.text, saving=Saving(author_of(current_owner()), action="restored")
            )
            draft = draft and Draft(draft.text, again.text, again.etag)
    except PersonaChatError as error:
        here.error = error
        return
    if draft:
        state.drafts()[deleted.persona_id] = draft
    here.deleted = None
    here.said = f"{escaped(deleted.name)} is back."
    state.remember("id", deleted.persona_id)


def forget_deleted() -> None:
    desk().deleted = None


def _begin() -> None:
    take_typed()
    here = desk()
    here.line = here.question = here.error = None


def _saving() -> Saving:
    return Saving(author_of(current_owner()), str(st.session_state.get(NOTE_KEY) or "").strip())


def _say_exists(personas: PersonaStore, persona_id: str, persona: Persona, error: PersonaExists) -> None:
    """A new persona's id is taken: by someone else meanwhile, or it was changed to one that is there."""
    try:
        theirs = personas.get(persona.id)
    except PersonaChatError:
        theirs = None
    if theirs and persona.id == persona_id:
        newer = PersonaChanged(str(error), etag=theirs.etag, text=theirs.text)
        desk().question = Question("conflict", persona_id, newer)
    else:
        desk().error = error


def _saved(persona_id: str, draft: Draft, stored: StoredPersona) -> None:
    here, name = desk(), f"**{escaped(stored.persona.name)}**"
    state.drafts().pop(persona_id, None)
    st.session_state.pop(NOTE_KEY, None)
    if here.mount and here.mount.persona_id == persona_id == stored.id:
        here.mount.base_text, here.mount.etag = stored.text, stored.etag
    if stored.id != persona_id and draft.etag is not None:
        here.said = f"Saved {name} as a new persona; {escaped(persona_id)} stays as it was."
    elif draft.etag is None:
        here.said = f"Saved {name}, a new persona."
    elif check_persona(draft.base_text):
        here.said = f"Saved {name}: it can be used again."
    else:
        here.said = f"Saved {name}: {escaped(changes(draft.base_text, stored.text))}."
    state.remember("id", stored.id)
