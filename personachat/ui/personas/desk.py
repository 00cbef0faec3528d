"""The personas page's desk: what is open, in which editor, and what the session remembers about it.

Typed text is never lost: it is a draft of the session until it is saved or explicitly discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import streamlit as st

from personachat.authoring.imports import ImportPlan
from personachat.errors import PersonaChanged, PersonaChatError, PersonaInvalid, PersonaMoved, Problem
from personachat.jsontext.edits import merged
from personachat.jsontext.faults import Path
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.base import BrokenPersona, StoredPersona
from personachat.personas.store.undos import Undo
from personachat.ui import session
from personachat.ui.personas.editor import Mount, TextMark
from personachat.ui.personas.texts import name_in
from personachat.ui.session import PersonaDraft

_DESK = "persona_desk"

Entry: TypeAlias = StoredPersona | BrokenPersona
QuestionKind = Literal[
    "create",
    "delete",
    "delete_many",
    "rename",
    "conflict",
    "merge",
    "import",
    "export",
    "share",
    "access",
    "snippet",
    "note",
]
Standing = Literal["saved", "unsaved", "invalid", "changed"]

TAB_KEY = "persona_tab"
PROMPT_TAB = "Prompt"
JSON_TAB = "JSON"
TRY_OUT_TAB = "Try out"
HISTORY_TAB = "History"
IMPORT_FIELD = "import_files_"
"""Prefix of the key of the field for files; a number follows."""


@dataclass(frozen=True, slots=True)
class OpenPersona:
    """A persona as the page shows it: the stored version, the draft over it, and the text's problems."""

    id: str
    stored: Entry | None
    draft: PersonaDraft | None
    text: str
    problems: tuple[Problem, ...]
    persona: Persona | None

    @property
    def standing(self) -> Standing:
        if self.changed_elsewhere:
            return "changed"
        if self.problems:
            return "invalid"
        return "unsaved" if self.draft else "saved"

    @property
    def changed_elsewhere(self) -> bool:
        return bool(self.draft and self.draft.etag != (self.stored.etag if self.stored else None))

    @property
    def saves_as_new(self) -> bool:
        """Whether saving would create another persona, because the id was changed."""
        return bool(self.stored and self.persona and self.persona.id != self.id)

    @property
    def name(self) -> str:
        if self.stored:
            return name_of(self.stored)
        return name_in(self.text) or self.id

    @property
    def saved_persona(self) -> Persona | None:
        return self.stored.persona if isinstance(self.stored, StoredPersona) else None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A dialog that is open until it is answered, however often the script runs meanwhile."""

    kind: QuestionKind
    persona_id: str = ""
    theirs: PersonaChanged | None = None
    chosen: tuple[str, ...] = ()
    """The ids that were selected in the list."""


@dataclass(frozen=True, slots=True)
class RemovedPart:
    """An entry that was removed from a persona's text: the text before and after."""

    persona_id: str
    path: Path
    name: str
    before: str
    after: str


@dataclass(slots=True)
class Desk:
    """What the session remembers about the page besides the drafts."""

    mount: Mount | None = None
    left: Mount | None = None
    """The editor that was on the screen before: its last keystrokes may still be on their way."""
    mounts: int = 0
    line: int | None = None
    question: OpenQuestion | None = None
    undo: Undo | None = None
    """What can be undone, as far as this session knows; the database knows it for longer."""
    removed: RemovedPart | None = None
    """The last entry that was removed from the open persona's text, until it is put back."""
    imports: int = 0
    """The number of the field for files to import; a new number is an empty field."""
    import_plans: dict[str, ImportPlan] = field(default_factory=dict)
    """What each file of the Import dialog would do, by the file and its columns."""
    lore_files: int = 0
    """The number of the field for a lore file, likewise."""
    form_of: str = ""
    """The persona whose form is drawn."""
    form_widgets: dict[Path, tuple[str, Any]] = field(default_factory=dict)
    """The widgets of that form by path: the end of their key, and their value."""
    returned: str = ""
    """The persona whose draft came back without its session, over the version it is based on."""
    choosing: bool = False
    """Whether several personas are being selected in the list."""
    chosen: set[str] = field(default_factory=set)
    """The selected ids."""
    begun_from: dict[str, str] = field(default_factory=dict)
    """The templates of personas that aren't saved yet, by the personas' ids."""
    toast: str = ""
    """What the next run shows for a moment."""
    note: str = ""
    """A notice about the open persona, until another one is opened or it is saved."""
    error: PersonaChatError | None = None


def name_of(entry: Entry) -> str:
    """The name people know: a persona's, or that of a broken file."""
    return entry.persona.name if isinstance(entry, StoredPersona) else entry.filename


def desk() -> Desk:
    return cast("Desk", st.session_state.setdefault(_DESK, Desk()))


def current_id(persona_id: str | None, entries: Mapping[str, Entry]) -> str | None:
    """The id to open for a requested one: the new id of a renamed persona."""
    if not persona_id or persona_id in entries or persona_id in session.drafts():
        return persona_id
    try:
        session.workspace().personas.get(persona_id)
    except PersonaMoved as moved:
        return moved.new_id
    except PersonaChatError:
        pass
    return persona_id


def opened(persona_id: str, entries: Mapping[str, Entry]) -> OpenPersona | None:
    """The current persona with this id, stored or only a draft; None if there is neither."""
    entry, draft = entries.get(persona_id), session.drafts().get(persona_id)
    if draft and entry and entry.text == draft.text:
        del session.drafts()[persona_id]
        draft = None
    if draft is None and entry is None:
        return None
    text = draft.text if draft else entry.text if entry else ""
    if isinstance(entry, BrokenPersona) and text == entry.text:
        return OpenPersona(persona_id, entry, draft, text, entry.problems, None)
    if isinstance(entry, StoredPersona) and draft is None:
        return OpenPersona(persona_id, entry, draft, text, (), entry.persona)
    try:
        return OpenPersona(persona_id, entry, draft, text, (), parse_persona(text))
    except PersonaInvalid as invalid:
        return OpenPersona(persona_id, entry, draft, text, invalid.problems, None)


def mounted(open_persona: OpenPersona) -> Mount:
    """The editor that shows this text: the one on the screen if it does, otherwise a new one."""
    here, mount = desk(), desk().mount
    if (
        mount is None
        or mount.persona_id != open_persona.id
        or not mount.alive
        or mount.text_now != open_persona.text
    ):
        here.mounts += 1
        base, etag = open_persona.text, open_persona.stored.etag if open_persona.stored else None
        if open_persona.draft:
            base, etag = open_persona.draft.base_text, open_persona.draft.etag
        here.left, here.mount = mount, Mount(open_persona.id, here.mounts, open_persona.text, base, etag)
        return here.mount
    _follow_saved_version(mount, open_persona)
    return mount


def hidden_mount(open_persona: OpenPersona) -> Mount | None:
    """The editor of this persona behind another tab, if any; a hidden one can't be created again."""
    mount = desk().mount
    if mount is None or mount.persona_id != open_persona.id or not mount.alive:
        return None
    _follow_saved_version(mount, open_persona)
    return mount


def _follow_saved_version(mount: Mount, open_persona: OpenPersona) -> None:
    if open_persona.draft is None and open_persona.stored:
        mount.base_text, mount.etag = open_persona.stored.text, open_persona.stored.etag


def take_typed() -> None:
    """Keep what was typed since the last time as a draft, unless it equals the stored text."""
    here = desk()
    for mount in (here.left, here.mount):
        if mount is None or not mount.alive or mount.text_now == mount.last_text:
            continue
        before, mount.last_text = mount.last_text, mount.text_now
        draft = session.drafts().get(mount.persona_id)
        now = draft.text if draft else mount.base_text
        _keep(
            mount.persona_id,
            merged(before, mount.last_text, now),
            draft or PersonaDraft(now, mount.base_text, mount.etag),
        )


def edit(open_persona: OpenPersona, change: Callable[[str], str]) -> None:
    """Change a persona's current text, not the text at the time the page was drawn."""
    take_typed()
    draft = session.drafts().get(open_persona.id)
    if draft is None:
        persona = _stored_now(open_persona.id) or (
            open_persona.stored if open_persona.draft is None else None
        )
        if persona is None:
            return
        draft = PersonaDraft(persona.text, persona.text, persona.etag)
    _keep(open_persona.id, change(draft.text), draft)


def _stored_now(persona_id: str) -> StoredPersona | None:
    """The stored persona, which may have been saved a moment ago; None if it is gone or broken."""
    try:
        return session.workspace().personas.get(persona_id)
    except PersonaChatError:
        return None


def _keep(persona_id: str, text: str, begun: PersonaDraft) -> None:
    if text == begun.base_text and begun.etag is not None:
        session.drafts().pop(persona_id, None)
    elif text != begun.text:
        session.drafts()[persona_id] = PersonaDraft(text, begun.base_text, begun.etag)


def shown_line(open_persona: OpenPersona, *, findings: Sequence[TextMark] = ()) -> int | None:
    """The line that was requested, as long as there is a problem or a finding on it."""
    lines = {problem.line for problem in open_persona.problems} | {finding.line for finding in findings}
    return desk().line if desk().line in lines else None
