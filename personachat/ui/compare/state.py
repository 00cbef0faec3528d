"""What a session remembers about the Compare page, and how other pages open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from personachat.lab.comparisons.links import link_of, setup_of
from personachat.lab.comparisons.message_tables import MessageTable
from personachat.lab.comparisons.model import MOST_VARIANTS, Setup
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.ui import session
from personachat.ui.history import state as library_state

_PAGE = "compare_page"

COMPARISON, VARIANT = "comparison", "variant"
"""Names in the address: the open comparison, or the setups that are being chosen."""

QUESTIONS, BLIND, STOP = "questions", "blind", "stop"
"""More names in the address: the saved list to send, a blind vote, the cost limit."""

WRITTEN_TEXT, LINES = "message", "lines"
"""And the typed text, and whether each of its lines is a message."""

MOST_LINKED_CHARACTERS = 2_000
"""Characters of the typed text: some programs cut longer addresses."""

MESSAGE, AS_LIST, SOURCE = "compare_message", "compare_list", "compare_source"
SET, SET_NAME, SET_RENAME = "compare_set", "compare_set_name", "compare_set_rename"
BLIND_VOTE, STOP_AT = "compare_blind", "compare_stop"

WRITTEN, FROM_FILE, FROM_CHAT, SAVED_LIST = "Write", "From a file", "From a chat", "Saved list"
SOURCES = (WRITTEN, FROM_FILE, FROM_CHAT, SAVED_LIST)

STEP_ROUNDS = 10


@dataclass(slots=True)
class Row:
    """A setup that is being chosen; widgets have keys with its number, which is never reused."""

    number: int
    setup: Setup


@dataclass(slots=True)
class CompareState:
    rows: list[Row] = field(default_factory=list)
    last_number: int = 0
    wanted_message: str = ""
    earlier: dict[str, int] = field(default_factory=dict)
    """How many more messages than the last ones are shown, by comparison."""
    focused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The message's number and the letter of the reply shown in full, by comparison."""
    layouts: dict[str, str] = field(default_factory=dict)
    """Whether it is shown as columns or as a matrix, by comparison."""
    links: dict[str, str] = field(default_factory=dict)
    """Tokens of the requested links, by comparison."""
    deleted: tuple[str, str] | None = None
    """Id and title of the comparison deleted last."""
    renaming: bool = False
    table: tuple[str, MessageTable] | None = None
    """The content of the last uploaded file, and that file's id."""
    missing_questions: bool = False
    """Whether the list in the address doesn't exist for this person."""
    deleted_questions: tuple[str, str] | None = None
    """Id and name of the list deleted last."""


def rename_key(set_id: str) -> str:
    """The key of the field for a list's new name."""
    return f"{SET_RENAME}_{set_id}"


def compare_state() -> CompareState:
    return cast("CompareState", st.session_state.setdefault(_PAGE, CompareState()))


def choose(setups: Sequence[Setup]) -> None:
    """Show these in the rows."""
    here = compare_state()
    here.rows = []
    for setup in setups[:MOST_VARIANTS]:
        add(setup)


def add(setup: Setup) -> None:
    here = compare_state()
    here.last_number += 1
    here.rows.append(Row(here.last_number, setup))


def begin_with(setups: Sequence[Setup], *, message: str = "") -> None:
    """Go to the page, with these setups to choose from and the message to send."""
    compare_state().wanted_message = message
    choose(setups)
    session.remember(COMPARISON, None)
    library_state.go_to("compare")


def follow_address(first_persona: str) -> None:
    """Use the setups in the address if there are none yet; otherwise two of the first persona."""
    here = compare_state()
    if here.rows:
        return
    links = st.query_params.get_all(VARIANT)
    choose([setup_of(each) for each in links] or [Setup(persona_id=first_persona)] * 2)
    here.wanted_message = here.wanted_message or st.query_params.get(WRITTEN_TEXT, "")
    if LINES in st.query_params:
        st.session_state.setdefault(AS_LIST, True)
    if st.query_params.get(QUESTIONS):
        choose_questions(st.query_params[QUESTIONS][:40])
    st.session_state.setdefault(BLIND_VOTE, BLIND in st.query_params)
    st.session_state.setdefault(STOP_AT, _sum(st.query_params.get(STOP, "")))


def choose_questions(set_id: str) -> None:
    """Use the messages of a saved list."""
    st.session_state[SOURCE] = SAVED_LIST
    st.session_state[SET] = set_id


def note_address() -> None:
    """Put the current choice into the address, so that it can be kept and shared."""
    links = [link_of(each.setup) for each in compare_state().rows]
    if st.query_params.get_all(VARIANT) != links:
        st.query_params[VARIANT] = links


def note_messages(*, set_id: str | None, blind: bool, stop: float | None) -> None:
    """The same for what is sent and how."""
    parameters = stated(set_id, blind=blind, stop=stop)
    for name in (QUESTIONS, BLIND, STOP, WRITTEN_TEXT, LINES):
        value = parameters.get(name)
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def stated(set_id: str | None, *, blind: bool, stop: float | None) -> dict[str, str]:
    """What an address says about what is sent and how, by the names in it."""
    text = linked_text()
    parameters = {
        QUESTIONS: set_id,
        BLIND: "1" if blind else None,
        STOP: None if stop is None else f"{stop:g}",
        WRITTEN_TEXT: text or None,
        LINES: "1" if text and st.session_state.get(AS_LIST) else None,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def linked_text() -> str | None:
    """The typed text in the form of an address: "" if something else is sent, None if it is too long."""
    text = str(st.session_state.get(MESSAGE) or "") if st.session_state.get(SOURCE) == WRITTEN else ""
    return text if len(text) <= MOST_LINKED_CHARACTERS else None


def _sum(text: str) -> float | None:
    try:
        number = float(text[:20])
    except ValueError:
        return None
    return number if 0 <= number <= MOST_LIMIT_USD else None


def open_comparison(comparison_id: str) -> None:
    for name in (VARIANT, WRITTEN_TEXT, LINES, QUESTIONS, BLIND, STOP):
        st.query_params.pop(name, None)
    compare_state().rows = []
    session.remember(COMPARISON, comparison_id)


def show_earlier(comparison_id: str) -> None:
    here = compare_state()
    here.earlier[comparison_id] = here.earlier.get(comparison_id, 0) + STEP_ROUNDS


def leave() -> None:
    """Back to choosing."""
    session.remember(COMPARISON, None)
