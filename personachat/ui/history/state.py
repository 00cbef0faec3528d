"""What a browser session remembers about its conversations: where it goes, what can be undone, what is open.

The same rules as in `personachat.ui.session`: ids and choices behind typed names, never rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

import streamlit as st

from personachat.ui.history.import_run import ImportRun
from personachat.ui.returning import ReturnedWidgets
from personachat.ui.session import new_chat, remember, remembered

_KEY = "history_page"

HISTORY_STEP = 30
SHARED_TURNS = 30
"""How many turns of a shared conversation are shown at once, and how many more each time."""
PICKED = "picked_"
"""Prefix of the keys of the History page's checkboxes; a conversation's id follows."""


@dataclass(frozen=True, slots=True)
class PutAway:
    """Conversations that were just deleted or archived, and the session's conversation before and after."""

    ids: tuple[str, ...]
    title: str
    """The title of the first."""
    how: Literal["deleted", "archived"]
    left: str | None = None
    """The one of them that the session was in."""
    now_in: str | None = None


@dataclass(frozen=True, slots=True)
class OpenDialog:
    """A dialog about a conversation, which stays open over reruns until it is closed."""

    kind: Literal["rename", "share", "export"]
    conversation_id: str
    opened_in: str | None
    """The conversation the session was in; in another one the dialog is closed."""


@dataclass(slots=True)
class HistoryState:
    """What a session remembers of its conversations' lists: the History page, the sidebar, a shared one."""

    wanted_page: tuple[str, dict[str, str]] | None = None
    arrivals: int = 0
    """How often the session was sent to a page."""
    put_away: PutAway | None = None
    dialog: OpenDialog | None = None
    rows: int = HISTORY_STEP
    shared_turns: int = SHARED_TURNS
    imports: int = 0
    """How many files were imported: each has a field of its own."""
    import_run: ImportRun | None = None
    """The import that runs or has just ended."""


def history_state() -> HistoryState:
    """This session's; made when it is first asked for."""
    return cast("HistoryState", st.session_state.setdefault(_KEY, HistoryState()))


def open_conversation(conversation_id: str, persona_id: str, turn_id: str | None = None) -> None:
    """Go to a conversation, or to one of its turns, with its last persona."""
    new_chat()  # this page's address stays as it is: Back leads to it
    query = {"chat": conversation_id, "persona": persona_id, "turn": turn_id}
    go_to("chat", {name: value for name, value in query.items() if value})


def go_to(page: Literal["chat", "history", "compare"], query: dict[str, str] | None = None) -> None:
    """End this run on that page, with these query parameters."""
    history_state().wanted_page = (page, query or {})


def wanted_page() -> tuple[str, dict[str, str]] | None:
    """The target of `go_to`, until the session is there."""
    return history_state().wanted_page


def arrive() -> int:
    """The session has arrived; returns how many times it was sent."""
    here = history_state()
    _, query = here.wanted_page or ("", {})
    here.wanted_page = None
    for name in {"chat", "persona"} & set(query):
        remember(name, query[name])
    here.arrivals += 1
    return here.arrivals


def put_away() -> PutAway | None:
    """What can be restored; nothing once the session has gone to another conversation."""
    here = history_state()
    if here.put_away and here.put_away.now_in != remembered("chat"):
        here.put_away = None
    return here.put_away


def offer_undo(done: PutAway | None) -> None:
    history_state().put_away = done


def open_dialog() -> OpenDialog | None:
    return history_state().dialog


def show_dialog(dialog: OpenDialog | None) -> None:
    history_state().dialog = dialog


def marks() -> dict[str, object]:
    """What `restore` reopens."""
    here = history_state()
    return {"conversation_dialog": here.dialog, "put_away": here.put_away}


def restore(widgets: ReturnedWidgets) -> None:
    """Reopen what a page that lost its session had open."""
    here = remembered("chat")  # another page's address doesn't contain the session's conversation
    if dialog := widgets.mark("conversation_dialog", OpenDialog):
        show_dialog(replace(dialog, opened_in=here))
    if done := widgets.mark("put_away", PutAway):
        offer_undo(replace(done, now_in=here))
    fields = [int(number) for number in widgets.after("import_") if number.isdecimal()]
    if fields:
        history_state().imports = max(fields) + 1  # its file is gone: an empty field replaces it


def close_dialog() -> None:
    show_dialog(None)


def history_rows() -> int:
    """How many rows of the History page are shown."""
    return history_state().rows


def show_more_history() -> None:
    history_state().rows += HISTORY_STEP


def begin_history_anew() -> None:
    """A new query or filter starts with the first rows and no selection."""
    history_state().rows = HISTORY_STEP
    for key in [key for key in st.session_state if str(key).startswith(PICKED)]:
        del st.session_state[key]


def ask_for_search() -> None:
    """Go to the search of the History page; the page's script focuses the box."""
    go_to("history")


def shared_turns() -> int:
    """How many turns of a shared conversation are shown."""
    return history_state().shared_turns


def show_more_shared() -> None:
    history_state().shared_turns += SHARED_TURNS


def imports() -> int:
    """How many files this session has imported; the next one gets a new field."""
    return history_state().imports


def empty_import_field() -> None:
    """The file in the field is being imported; the next run has an empty field."""
    history_state().imports += 1
