"""What people do to personas on their page: select, create, save, discard, delete, undo.

Every action first reads what the editor contains, and leaves a notice for the page to show.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import streamlit as st

from personachat.errors import (
    DatabaseUnavailable,
    PersonaBroken,
    PersonaChanged,
    PersonaChatError,
    PersonaExists,
    PersonaMoved,
)
from personachat.jsontext.faults import Path
from personachat.owners import author_of
from personachat.personas.diff import changes
from personachat.personas.merge import Merge, merge_personas
from personachat.personas.persona import Persona, check_persona, parse_persona
from personachat.personas.store.base import PersonaStore, Saving, StoredPersona
from personachat.personas.store.id_in_text import renamed_text
from personachat.ui import script_runs, session
from personachat.ui.owner import current_owner
from personachat.ui.personas import bulk_work, favourites, kept_drafts, save_notes
from personachat.ui.personas import undo as persona_undo
from personachat.ui.personas.desk import JSON_TAB, TAB_KEY, Entry, OpenQuestion, desk, take_typed
from personachat.ui.personas.form.binding import FIELDS
from personachat.ui.personas.texts import name_in, new_text
from personachat.ui.session import PersonaDraft
from personachat.ui.wording import escaped

NEW_ID_KEY = "new_file_id"


def select(persona_id: str) -> None:
    """Open another persona."""
    _begin()
    save_notes.drop()
    session.remember("id", persona_id)


def show_line(line: int) -> None:
    """Show a line of the text in the editor."""
    take_typed()
    desk().line = line
    st.session_state[TAB_KEY] = JSON_TAB


def ask(question: OpenQuestion) -> None:
    _begin()
    desk().question = question


def close_question() -> None:
    desk().question = None


def create(entries: Sequence[Entry], *, name: str, start: Persona | None = None, template: str = "") -> None:
    """Open a new persona as a draft; nothing is stored until it is saved.

    If it is from a template, it then gets the template's tests too.
    """
    _begin()
    other_ids = {entry.id for entry in entries} | set(session.drafts())
    model = session.services().models.best() if start is None else start.model
    persona_id, text = new_text(name.strip() or "New persona", other_ids=other_ids, start=start, model=model)
    session.drafts()[persona_id] = PersonaDraft(text, "", None)
    if template:
        desk().begun_from[persona_id] = template
    session.remember("id", persona_id)


def save(personas: PersonaStore, persona_id: str) -> None:
    """Save the draft with its note.

    If there is a newer version, both changes are saved. If both changed the same field, the person is asked.
    """
    _begin()
    draft = session.drafts().get(persona_id)
    if draft is None:
        return
    try:
        persona = parse_persona(draft.text)
        if draft.etag is None or persona.id != persona_id:
            new = replace(_saving(), proposes_id=draft.etag is None and persona.id == persona_id)
            _saved(persona_id, draft, personas.create(draft.text, saving=new))
        else:
            _saved(persona_id, draft, personas.save(draft.text, etag=draft.etag, saving=_saving()))
    except PersonaChanged as newer:
        new_id = _new_id(personas, persona_id) if newer.etag is None else None
        if new_id:
            _move_draft(persona_id, new_id)
            save(personas, new_id)
        else:
            _save_both(personas, persona_id, draft, newer)
    except PersonaExists as error:
        _say_exists(personas, persona_id, persona, error)
    except PersonaChatError as error:
        desk().error = error


def save_noted(personas: PersonaStore, persona_id: str) -> None:
    """Save with the note in the dialog. If there is a question first, the note is saved with the answer."""
    save_notes.take(persona_id)
    save(personas, persona_id)


def _new_id(personas: PersonaStore, persona_id: str) -> str | None:
    """The new id of a persona that was renamed while its draft was open; None if it wasn't."""
    try:
        personas.get(persona_id)
    except PersonaMoved as moved:
        return moved.new_id
    except PersonaChatError:
        pass
    return None


def _move_draft(persona_id: str, new_id: str) -> None:
    """Move a draft to the new id; one that is already open there is discarded."""
    if other := session.drafts().get(new_id):
        kept_drafts.set_aside(new_id, other)
    draft = session.drafts().pop(persona_id)
    text, base_text = (renamed_text(each, new_id) for each in (draft.text, draft.base_text))
    session.drafts()[new_id] = PersonaDraft(text, base_text, draft.etag)
    desk().mount = desk().left = None


def keep_mine(personas: PersonaStore, persona_id: str, theirs: PersonaChanged) -> None:
    """Save the draft over the newer version that was shown, and over no other."""
    _begin()
    draft = session.drafts().get(persona_id)
    if draft is None:
        return
    try:
        if theirs.etag is None:
            _saved(persona_id, draft, personas.create(draft.text, saving=_saving()))
        else:
            _saved(persona_id, draft, personas.save(draft.text, etag=theirs.etag, saving=_saving()))
    except PersonaChanged as newer:
        desk().question = OpenQuestion("conflict", persona_id, newer)
    except PersonaChatError as error:
        desk().error = error


def save_merged(
    personas: PersonaStore, persona_id: str, theirs: PersonaChanged, take_mine: Collection[Path]
) -> None:
    """Save both changes over the version that was shown, with my value of the named fields."""
    _begin()
    draft = session.drafts().get(persona_id)
    merge = merge_of(draft, theirs)
    if draft and merge:
        _save_text(personas, persona_id, draft, merge.resolved(take_mine), theirs)


def merge_of(draft: PersonaDraft | None, theirs: PersonaChanged) -> Merge | None:
    """The draft and the newer version in one; None if they can't be merged field by field."""
    if draft is None or draft.etag is None or theirs.etag is None or theirs.text is None:
        return None
    return merge_personas(draft.base_text, draft.text, theirs.text)


def _save_both(personas: PersonaStore, persona_id: str, draft: PersonaDraft, theirs: PersonaChanged) -> None:
    """Save the draft merged with a newer version, or ask what only the person can decide."""
    merge = merge_of(draft, theirs)
    if merge is None or merge.clashes:
        desk().question = OpenQuestion("conflict" if merge is None else "merge", persona_id, theirs)
    else:
        _save_text(personas, persona_id, draft, merge.text, theirs)


def _save_text(
    personas: PersonaStore, persona_id: str, draft: PersonaDraft, text: str, theirs: PersonaChanged
) -> None:
    try:
        persona = personas.save(text, etag=theirs.etag, saving=_saving("Merged with a newer version"))
    except PersonaChanged as newest:
        _save_both(personas, persona_id, draft, newest)
    except PersonaChatError as error:
        desk().error = error
    else:
        _saved(persona_id, draft, persona)
        mine, others = changes(theirs.text or "", text), changes(draft.text, text)
        desk().note = f"Both changes are saved. Yours: {escaped(mine)}. From elsewhere: {escaped(others)}."


def discard(persona_id: str) -> None:
    """Discard the draft and show what is saved; `undo` restores it."""
    _begin()
    draft = session.drafts().get(persona_id)
    if draft is None:
        return
    aside = kept_drafts.set_aside(persona_id, draft)
    if aside is None:
        desk().error = DatabaseUnavailable(
            "The database can't be reached, so discarded edits couldn't be restored later.",
            hint="Your edits are still here. Try again in a moment.",
        )
        return
    del session.drafts()[persona_id]
    persona_undo.offer("discarded", name_in(draft.text) or persona_id, [(persona_id, aside)])
    desk().toast = "Your edits were discarded."
    desk().mount = desk().left = None


def delete(personas: PersonaStore, persona_id: str, *, etag: str | None) -> None:
    """Delete the version of a persona that was shown, and its draft; `undo` restores both."""
    _begin()
    here, draft = desk(), session.drafts().get(persona_id)
    if draft and draft.etag is None:
        discard(persona_id)
        if not here.error:
            session.remember("id", None)
        return
    try:
        try:
            name, aside = personas.delete(persona_id, etag=etag, saving=_saving()).persona.name, ""
        except PersonaBroken:
            name, aside = personas.put_away(persona_id, etag=etag).filename, persona_undo.BROKEN
    except PersonaChatError as error:
        here.error = error
        return
    if draft and not aside:
        aside = kept_drafts.set_aside(persona_id, draft) or ""
        if aside:
            del session.drafts()[persona_id]
    persona_undo.offer("deleted", name, [(persona_id, aside)])
    here.mount = here.left = None
    session.remember("id", None)


def delete_many(ids: Sequence[str], name: str, broken: Collection[str]) -> None:
    """Delete these personas, a few at a time; `name` is the first one's, `broken` are the broken files."""
    _begin()
    if ids:
        marks = [(persona_id, persona_undo.BROKEN if persona_id in broken else "") for persona_id in ids]
        persona_undo.offer("deleted", name, marks)
        bulk_work.begin(bulk_work.delete(ids, broken=broken))


def rename(personas: PersonaStore, persona_id: str, *, etag: str) -> None:
    """Give a persona the typed id, along with its draft and everything stored about it."""
    new_id = str(st.session_state.get(NEW_ID_KEY) or "").strip()
    _begin()
    kept_drafts.keep()
    try:
        entry = personas.rename(persona_id, new_id, etag=etag, saving=_saving())
    except PersonaChatError as error:
        desk().error = error
        return
    kept_drafts.follow()
    session.drafts().pop(persona_id, None)
    favourites.read_again()
    desk().mount = desk().left = None
    desk().toast = f"**{escaped(entry.persona.name)}** now has the id {escaped(new_id)}."
    session.remember("id", new_id)


def rename_file(personas: PersonaStore, persona_id: str, *, etag: str) -> None:
    """Give a broken file the typed name, along with its draft."""
    new_id = str(st.session_state.get(NEW_ID_KEY) or "").strip()
    _begin()
    try:
        personas.rename_broken(persona_id, new_id, etag=etag)
    except PersonaChatError as error:
        desk().error = error
        return
    draft = session.drafts().pop(persona_id, None)
    if draft:
        session.drafts()[new_id] = draft
    desk().mount = desk().left = None
    desk().toast = f"The file is now named {escaped(new_id)}.json."
    session.remember("id", new_id)


def undo() -> None:
    """Undo the last action: restore what was deleted or discarded, with unsaved edits."""
    _begin()
    here, done = desk(), persona_undo.last()
    if done is None:
        return
    try:
        if done.kind == "tagged":
            bulk_work.begin(bulk_work.tags_as_before(done.what))
        elif done.kind == "deleted" and len(done.what) > 1:
            ids = [persona_id for persona_id, _ in done.what]
            broken = [persona_id for persona_id, aside in done.what if aside == persona_undo.BROKEN]
            bulk_work.begin(bulk_work.bring_back(ids, broken=broken))
        else:
            for persona_id, aside in done.what:
                _bring_back(persona_id, aside, was_deleted=done.kind == "deleted")
            here.toast = f"{escaped(done.name)} is restored."
    except PersonaChatError as error:
        here.error = error
        return
    persona_undo.forget()


def undone(persona_id: str) -> None:
    """A deleted persona was restored in another way: its deletion needn't be undone any more."""
    done = persona_undo.last()
    if done and done.kind == "deleted" and [each for each, _ in done.what] == [persona_id]:
        persona_undo.forget()


def reopen(aside: str) -> None:
    """Reopen a discarded draft; a newer one in its place is discarded instead."""
    _begin()
    try:
        _take_back(aside)
    except PersonaChatError as error:
        desk().error = error


def _bring_back(persona_id: str, aside: str, *, was_deleted: bool) -> None:
    if aside == persona_undo.BROKEN:
        session.workspace().personas.put_back(persona_id)
        session.remember("id", persona_id)
        return
    persona = session.workspace().collection.bring_back(persona_id) if was_deleted else None
    if aside:
        _take_back(aside, over=persona)
    session.remember("id", persona_id)


def _take_back(aside: str, *, over: StoredPersona | None = None) -> None:
    earlier_draft = kept_drafts.take_back(aside)
    if earlier_draft is None:
        return
    persona_id, draft = earlier_draft
    if in_its_place := session.drafts().get(persona_id):
        kept_drafts.set_aside(persona_id, in_its_place)
    session.drafts()[persona_id] = PersonaDraft(draft.text, over.text, over.etag) if over else draft
    desk().mount = desk().left = None
    session.remember("id", persona_id)


def _begin() -> None:
    script_runs.call_changed(FIELDS)
    take_typed()
    here = desk()
    here.line = here.question = here.error = None
    here.note = ""


def _saving(note: str = "") -> Saving:
    """Who saves; `note` is used if they wrote none."""
    return Saving(author_of(current_owner()), save_notes.note() or note)


def _say_exists(personas: PersonaStore, persona_id: str, persona: Persona, error: PersonaExists) -> None:
    """A new persona's id is in use: someone just took it, or the person changed it to an existing one."""
    try:
        theirs = personas.get(persona.id)
    except PersonaChatError:
        theirs = None
    if theirs and persona.id == persona_id:
        newer = PersonaChanged(str(error), etag=theirs.etag, text=theirs.text)
        desk().question = OpenQuestion("conflict", persona_id, newer)
    else:
        desk().error = error


def _saved(persona_id: str, draft: PersonaDraft, entry: StoredPersona) -> None:
    here, name = desk(), f"**{escaped(entry.persona.name)}**"
    session.drafts().pop(persona_id, None)
    save_notes.saved(persona_id)
    template = here.begun_from.pop(persona_id, "") if draft.etag is None else ""
    if here.mount and here.mount.persona_id == persona_id == entry.id:
        here.mount.base_text, here.mount.etag = entry.text, entry.etag
    if entry.id != persona_id and draft.etag is not None:
        here.toast = f"Saved {name} as a new persona. {escaped(persona_id)} is unchanged."
    elif draft.etag is None:
        here.toast = f"Saved {name}, a new persona."
        _keep_tests(entry.id, template)
    elif check_persona(draft.base_text):
        here.toast = f"Saved {name}. It can be used again."
    else:
        here.toast = f"Saved {name}: {escaped(changes(draft.base_text, entry.text))}."
    session.remember("id", entry.id)


def _keep_tests(persona_id: str, template: str) -> None:
    """Give a new persona its template's tests."""
    try:
        tests = session.services().gallery.get(template).tests if template else ""
        if tests:
            session.workspace().collection.keep_tests(persona_id, tests)
            desk().toast += " Its tests came along."
    except PersonaChatError as error:
        desk().error = error
