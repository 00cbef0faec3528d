"""The personas page coming back without its session: its open question, and its unsaved text.

The keys of the editor and of the form's fields contain the version they are based on. If another one is
stored by now, they are drawn over the old one again until their values have come. Only then is the text
updated, or reported as changed elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import streamlit as st

from personachat.errors import PersonaChanged, PersonaChatError
from personachat.jsontext.edits import merged
from personachat.owners import author_of
from personachat.ui import session
from personachat.ui.marks import draw as draw_marks
from personachat.ui.owner import current_owner
from personachat.ui.personas import kept_drafts
from personachat.ui.personas.bulk import CHOICE
from personachat.ui.personas.desk import (
    IMPORT_FIELD,
    JSON_TAB,
    TAB_KEY,
    Entry,
    OpenQuestion,
    QuestionKind,
    desk,
)
from personachat.ui.personas.form.binding import RETURNED, WIDGETS
from personachat.ui.personas.kept_drafts import DraftOnPage
from personachat.ui.returning import ReturnedWidgets
from personachat.ui.session import PersonaDraft

_TOKEN = re.compile(r"(?P<number>\d+)(?:\.(?P<etag>\w+))?")

_LATER = 1_000_000
"""No editor of the lost session has such a high number."""


@dataclass(frozen=True, slots=True)
class ReturnedQuestion:
    """An open question; `etag` is the version that it shows as someone else's."""

    kind: QuestionKind
    persona_id: str
    chosen: tuple[str, ...]
    etag: str | None


def marks() -> dict[str, object]:
    """What `restore` reopens."""
    question = desk().question
    if question is None:
        return {}
    etag = question.theirs.etag if question.theirs else None
    return {"question": ReturnedQuestion(question.kind, question.persona_id, question.chosen, etag)}


def draw_mark_of_draft(persona_id: str) -> None:
    """Store which draft the page shows: it tells `restore` whether another page has continued it."""
    draw_marks({"draft": kept_drafts.on_page(persona_id)}, place="marks_of_draft")


def restore(widgets: ReturnedWidgets) -> None:
    """Reopen what the page had open."""
    persona_id = session.remembered("id") or ""
    kept_drafts.follow()
    old = widgets.mark("draft", DraftOnPage)
    if old and old.persona_id == persona_id:
        kept_drafts.hold(old)
    if widgets.after(CHOICE):
        desk().choosing = True
    desk().question = _open_again(widgets.mark("question", ReturnedQuestion))
    fields = [int(number) for number in widgets.after(IMPORT_FIELD) if number.isdecimal()]
    if fields:
        desk().question = OpenQuestion("import")
        desk().imports = max(fields) + 1  # its files are gone: an empty field replaces it
    if persona_id:
        _restore_text(widgets, persona_id)


def _open_again(question: ReturnedQuestion | None) -> OpenQuestion | None:
    """The open question; None if its version isn't the stored one any more."""
    if question is None:
        return None
    if question.kind not in {"conflict", "merge"}:
        return OpenQuestion(question.kind, question.persona_id, chosen=question.chosen)
    persona = _current(question.persona_id)
    etag, text = (persona.etag, persona.text) if persona else (None, None)
    if etag != question.etag:
        return None
    return OpenQuestion(question.kind, question.persona_id, PersonaChanged("", etag=etag, text=text))


def settle() -> None:
    """All typed text is in the draft now: compare it with what is stored."""
    _settle_base()
    kept_drafts.release()


def _settle_base() -> None:
    here = desk()
    persona_id, here.returned = here.returned, ""
    draft = session.drafts().get(persona_id)
    if draft is None:
        return
    persona = _current(persona_id)
    if draft.text == draft.base_text:
        del session.drafts()[persona_id]
    elif persona and draft.etag and _only_mine_since(persona_id, draft.etag):
        text = merged(draft.base_text, draft.text, persona.text)
        session.drafts()[persona_id] = PersonaDraft(text, persona.text, persona.etag)
    else:
        return
    here.mount = here.left = None


def _restore_text(widgets: ReturnedWidgets, persona_id: str) -> None:
    if persona_id in session.drafts() and widgets.text(TAB_KEY) != JSON_TAB:
        desk().mounts = _LATER  # the editor is behind the others: its text is older than the draft
        _restore_fields(widgets, persona_id)
        return
    editors, etag = _restore_editor(widgets, persona_id)
    etag = _restore_fields(widgets, persona_id) or etag
    if persona_id in session.drafts() or not (editors or etag):
        return
    persona = _current(persona_id)
    if persona and persona.etag == etag:
        return
    visible_text = str(widgets.json(editors) or "") if editors else ""
    if not etag:
        if visible_text and persona is None:  # never saved
            session.drafts()[persona_id] = PersonaDraft(visible_text, "", None)
        return
    text = _text_of(persona_id, etag)
    if text is not None:
        session.drafts()[persona_id] = PersonaDraft(text, text, etag)
        desk().returned = persona_id
    elif visible_text:
        session.drafts()[persona_id] = PersonaDraft(visible_text, persona.text if persona else "", etag)


def _restore_editor(widgets: ReturnedWidgets, persona_id: str) -> tuple[str, str]:
    """Have the editor drawn as it was; returns its key and the version it is based on."""
    start = f"ace-{persona_id}-"
    matches = [match for rest in widgets.after(start) if (match := _TOKEN.fullmatch(rest))]
    if not matches:
        return "", ""
    last = max(matches, key=lambda match: int(match["number"]))
    desk().mounts = int(last["number"]) - 1
    return f"{start}{last[0]}", last["etag"] or ""


def _restore_fields(widgets: ReturnedWidgets, persona_id: str) -> str:
    """Have the form's fields drawn as they were; returns the version they are based on."""
    tokens: dict[str, str] = {}
    start, etag = f"form-{persona_id}-", ""
    for rest in widgets.after(start):
        path, _, token = rest.rpartition("-")
        match = _TOKEN.fullmatch(token)
        if match and path:
            tokens[f"{start}{path}"] = token
            st.session_state[WIDGETS] = max(st.session_state.get(WIDGETS, 0), int(match["number"]))
            etag = match["etag"] or etag
    st.session_state[RETURNED] = tokens
    return etag


def _current(persona_id: str) -> Entry | None:
    try:
        entries = session.workspace().personas.all()
    except PersonaChatError:
        return None
    return next((entry for entry in entries if entry.id == persona_id), None)


def _text_of(persona_id: str, etag: str) -> str | None:
    """The text of an earlier version; None if it isn't stored."""
    try:
        revisions = session.workspace().collection.revisions
        number = revisions.numbers(frozenset({(persona_id, etag)})).get((persona_id, etag))
        return revisions.get(persona_id, number).text if number else None
    except PersonaChatError:
        return None


def _only_mine_since(persona_id: str, etag: str) -> bool:
    """Whether the person using this page made every save after a version."""
    try:
        revisions = session.workspace().collection.revisions
        since = revisions.numbers(frozenset({(persona_id, etag)})).get((persona_id, etag), 0)
        newer = [each for each in revisions.of(persona_id) if each.number > since]
    except PersonaChatError:
        return False
    me = author_of(current_owner())
    return all(each.author == me and each.action != "found" for each in newer)
