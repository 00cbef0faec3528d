"""What a session remembers about the chat page: ids, numbers and choices, as fields of one object.

The contents of widgets aren't here: their keys belong to Streamlit, and each is beside its widget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings
from personachat.replies.context import ContextUse
from personachat.ui.repeats import Repeats

_KEY = "chat_page"

PERSONA_CHOICE = "persona_choice"
"""The key of the widget that chooses who answers."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is needed to undo the deletion of a turn."""

    conversation_id: str
    turn_id: str
    leaf_id: str | None
    count: int
    """How many visible messages are gone."""


@dataclass(frozen=True, slots=True)
class Forked:
    """A conversation that was just made from another one."""

    conversation_id: str
    original_id: str


@dataclass(frozen=True, slots=True)
class TurnDialog:
    """A dialog to open, and for which turn; "" for the page's own."""

    dialog: str
    turn_id: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The last measurement, and what it is of: the conversation's id first."""

    of: tuple[object, ...]
    memory: ContextUse | None


@dataclass(slots=True)
class ChatState:
    """One per session. Fields are None or empty until something happens."""

    # Until something is sent or chosen: see `moved_on`.
    cleared: str | None = None
    """The leaf of a chat that was cleared."""
    deleted: Deleted | None = None
    editing: str | None = None
    """The turn whose text is open for editing."""
    linked_turn: str | None = None
    """The turn that a link led to."""
    forked: Forked | None = None
    unsaved_words: str | None = None
    """A message that couldn't be saved and can be sent in a temporary chat."""

    dialog: TurnDialog | None = None
    finding_persona: bool = False
    """Whether the search among all personas is open."""
    rated_turn: str | None = None
    """The turn that shows rating buttons although it isn't the last."""
    copying: str | None = None
    """The turn whose text is to be copied now."""
    copies: int = 0

    settings_of_next: ChatSettings = AS_IN_THE_PERSONA
    """The next new chat's own settings."""
    temporary_chat: str | None = None
    """The temporary chat this session is in, which disappears once it leaves it."""
    gone_meanwhile: bool = False
    """Whether the chat was gone when its page came back to a new session."""
    earlier: dict[str, int] = field(default_factory=dict)
    """By conversation: how many turns above the usual number were requested."""
    below: dict[str, int] = field(default_factory=dict)
    """By conversation: how many turns at the end are not shown."""
    greeting_seed: str = ""
    greetings: dict[str, int] = field(default_factory=dict)
    """By persona: the number of the chosen greeting."""

    # What the last run drew.
    last_exchange: frozenset[str] = frozenset()
    turn_count: int = 0
    last_turn: str | None = None
    """The turn whose places the last turn's are."""
    measured: Measurement | None = None
    repeats: Repeats = field(default_factory=Repeats)
    """The older turns."""

    def moved_on(self, conversation_id: str | None) -> None:
        """Undo buttons and links to a turn are over."""
        self.cleared = self.deleted = self.editing = self.linked_turn = None
        self.forked = self.unsaved_words = None
        if conversation_id and self.below.pop(conversation_id, 0):
            self.earlier.pop(conversation_id, None)


def chat_state() -> ChatState:
    """This session's; made when it is first asked for."""
    here = st.session_state.get(_KEY)
    if here is None:
        here = st.session_state.setdefault(_KEY, ChatState())
    return cast("ChatState", here)
