"""What a session remembers of the Personas page beside the desk, as fields of one object.

What the widgets hold is not here: their keys belong to Streamlit, and each stands beside its widget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import streamlit as st

from personachat.personas.templates.gallery import Template

if TYPE_CHECKING:
    from personachat.ui.personas.bulk_steps import BulkWork
    from personachat.ui.personas.rows import ListFilter

_KEY = "personas_page"


@dataclass(slots=True)
class HistoryPlace:
    """Where somebody is in the history of a persona."""

    first: int | None = None
    """The newest revision in the timeline, if a link led further down."""
    rows: int | None = None
    revision_number: int | None = None
    """The revision that is shown."""


@dataclass(slots=True)
class PersonasState:
    """One per session. What it knows of is None or empty until it happens."""

    # The list.
    page: int = 0
    list_before: tuple[ListFilter | None, str | None] = (None, None)
    """What the last run listed, and which persona was open then."""
    etags_in_list: dict[str, str] = field(default_factory=dict)
    """The ETags of the rows that the last run listed, by id: what is asked of one is asked of all at once."""
    favourites: frozenset[str] | None = None
    """None until they are read."""
    list_choices: dict[str, str] = field(default_factory=dict)
    """What the browser was told to remember of the list, by the widgets' keys."""
    bulk_work: BulkWork | None = None
    deleted_template: Template | None = None

    # The editor.
    last_tab: str | None = None
    tabs_of: str | None = None
    """Whose tabs were drawn last."""
    save_note: str = ""
    """The note for the next save, also while a question comes before it."""
    uploads: int = 0
    """How many pictures were uploaded: each has a field of its own."""
    removed_picture: tuple[str, str] | None = None
    """The persona's id and the picture's name."""
    history: dict[str, HistoryPlace] = field(default_factory=dict)
    """By persona."""

    # Try out.
    conversations: dict[str, str] = field(default_factory=dict)
    """By persona: the temporary chat with its draft."""
    turn_count: int = 0
    last_valid: tuple[str, str] | None = None
    """The persona's id and the last text of it without problems."""
    drafts_tried: dict[str, list[str]] = field(default_factory=dict)
    """By persona: the versions of its draft that have answered, in order."""

    # A link from somebody else.
    accepted: dict[str, str] = field(default_factory=dict)
    """By link: the persona that was saved."""

    def history_of(self, persona_id: str) -> HistoryPlace:
        return self.history.setdefault(persona_id, HistoryPlace())


def personas_state() -> PersonasState:
    """This session's; made when it is first asked for."""
    return cast("PersonasState", st.session_state.setdefault(_KEY, PersonasState()))
