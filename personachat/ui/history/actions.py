"""What a click does to conversations: rename, pin, archive, delete, undo.

All of it happens in callbacks, before anything is drawn, so a click works at once beside a running reply.
Errors are shown in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import ParamSpec

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import notices, session
from personachat.ui.history import state as library_state
from personachat.ui.history.state import OpenDialog, PutAway
from personachat.ui.notices import Notice
from personachat.ui.wording import error_text

P = ParamSpec("P")


def errors_as_notice(action: Callable[P, None]) -> Callable[P, None]:
    """The action as a callback; `sidebar.draw_outcome` shows its error."""

    @wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            action(*args, **kwargs)
        except PersonaChatError as error:
            notices.say("conversations", Notice(error_text(error)))

    return run


def menu_of(*, pinned: bool, archived: bool) -> list[str]:
    """The labels of a conversation's menu."""
    pin = "Unpin" if pinned else "Pin"
    archive = "Unarchive" if archived else "Archive"
    return ["Rename", pin, "Share", "Export", archive, "Delete"]


@errors_as_notice
def choose(key: str, conversation_id: str, title: str) -> None:
    """Do what was chosen in the menu with that key."""
    _do(st.session_state[key], conversation_id, title)


@errors_as_notice
def choose_in_row(action: str, conversation_id: str) -> None:
    """Do what was chosen in the menu of a row in the sidebar; row and choice come from the browser."""
    _do(action, conversation_id, session.workspace().library.summary(conversation_id).title)


def _do(action: str, conversation_id: str, title: str) -> None:
    library = session.workspace().library
    if action == "Rename":
        library_state.show_dialog(OpenDialog("rename", conversation_id, session.remembered("chat")))
    elif action == "Share":
        library_state.show_dialog(OpenDialog("share", conversation_id, session.remembered("chat")))
    elif action == "Export":
        library_state.show_dialog(OpenDialog("export", conversation_id, session.remembered("chat")))
    elif action in {"Pin", "Unpin"}:
        library.pin(conversation_id, action == "Pin")
    elif action == "Archive":
        put_away("archived", [conversation_id], title)
    elif action == "Unarchive":
        library.archive(conversation_id, False)
    elif action == "Delete":
        put_away("deleted", [conversation_id], title)


@errors_as_notice
def rename(conversation_id: str, key: str) -> None:
    """Give it the title in the text field with that key."""
    title = str(st.session_state[key] or "")
    if title.strip():
        session.workspace().library.rename(conversation_id, title)
        library_state.close_dialog()


def put_away(how: str, ids: Sequence[str], title: str) -> None:
    """Delete or archive, and offer Undo; the session leaves the conversation if it was in it."""
    workspace = session.workspace()
    if how == "deleted":
        for conversation_id in ids:
            _stop(conversation_id)
        workspace.library.delete_many(ids)
    else:
        for conversation_id in ids:
            workspace.library.archive(conversation_id, True)
    current = session.remembered("chat")
    left = current if current in ids else None
    if left:
        session.new_chat()
    now_in = session.remembered("chat")
    library_state.offer_undo(
        PutAway(tuple(ids), title, "deleted" if how == "deleted" else "archived", left=left, now_in=now_in)
    )


@errors_as_notice
def undo() -> None:
    """Restore what was deleted or archived last."""
    done = library_state.put_away()
    if done is None:
        return
    library = session.workspace().library
    if done.how == "deleted":
        library.restore_many(done.ids)
    else:
        for conversation_id in done.ids:
            library.archive(conversation_id, False)
    if done.left:
        session.remember("chat", done.left)
    library_state.offer_undo(None)


@errors_as_notice
def share(conversation_id: str) -> None:
    """Create the link, or update what it shows."""
    session.workspace().library.share(conversation_id)


@errors_as_notice
def revoke(conversation_id: str) -> None:
    session.workspace().library.revoke(conversation_id)


def _stop(conversation_id: str) -> None:
    with suppress(PersonaChatError):  # it is deleted even if its reply can't be stopped
        running = session.workspace().chat.running(conversation_id)
        if running:
            running.stop()


def put_away_sentence(done: PutAway) -> str:
    """E.g. "Deleted “p-values, plainly”." or "Archived 3 conversations."; plain text."""
    count = len(done.ids)
    what = "a conversation" if count == 1 else f"{count} conversations"
    if count == 1 and done.title:
        what = f"“{done.title}”"
    return f"{done.how.capitalize()} {what}."
