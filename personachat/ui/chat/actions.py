"""What a click on a turn does: callbacks that get only ids of turns, and report errors.

A callback runs before the page is drawn, so that the page shows its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from string import ascii_lowercase

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.chat_settings import stored_settings
from personachat.ui import notices, session
from personachat.ui.chat import window
from personachat.ui.chat.state import Deleted, Forked, TurnDialog, chat_state
from personachat.ui.returning import ReturnedWidgets

FORECAST_WORDS = "forecast_words"
"""The key of the field with the message to forecast."""

OTHER = "regenerate_for_"
"""Prefix of the key of the button that regenerates with another persona; a turn's id follows."""


MARKED: dict[str, type] = {"dialog": TurnDialog, "cleared": str, "deleted": Deleted, "forked": Forked}
"""Parts of the chat page's state that outlive a lost session, under these names."""


@contextmanager
def errors_as_notice() -> Iterator[None]:
    """Inside this block, errors are shown on the page."""
    try:
        yield
    except PersonaChatError as error:
        notices.say_not_done(error)


# --- words ----------------------------------------------------------------------------------------


def edit(turn_id: str) -> None:
    """Open the turn's text for editing."""
    chat_state().editing = turn_id


def marks() -> dict[str, object]:
    """What `restore` reopens."""
    here = chat_state()
    return {name: getattr(here, name) for name in MARKED}


def restore(widgets: ReturnedWidgets) -> None:
    """Reopen what a page that lost its session had open."""
    for turn_id in widgets.after("words_"):
        edit(turn_id)
    for name, kind in MARKED.items():
        if (value := widgets.mark(name, kind)) is not None:
            setattr(chat_state(), name, value)


def leave_editing() -> None:
    chat_state().editing = None


def words_key(turn_id: str) -> str:
    return f"words_{turn_id}"


def save(turn_id: str) -> None:
    """Put the edited text beside the turn; text that can't be saved stays in the form."""
    with errors_as_notice():
        words = str(st.session_state[words_key(turn_id)])
        session.workspace().branches.edit(turn_id, words, offline=session.is_offline_chosen())
        _moved_on()


def copy(turn_id: str) -> None:
    """Have the turn's row copy its text to the clipboard."""
    here = chat_state()
    here.copies += 1
    here.copying = turn_id


def copying(turn_id: str) -> int | None:
    """The number of the copy to make of this turn now, once; None if there is none."""
    here = chat_state()
    if here.copying != turn_id:
        return None
    here.copying = None
    return here.copies


# --- a live reply ---------------------------------------------------------------------------------


def pause(reply_id: str) -> None:
    with errors_as_notice():
        session.workspace().chat.pause(reply_id)


def resume(reply_id: str) -> None:
    with errors_as_notice():
        session.workspace().chat.resume(reply_id)


def stop(reply_id: str) -> None:
    with errors_as_notice():
        session.workspace().chat.stop(reply_id)


# --- branches -------------------------------------------------------------------------------------


def show(turn_id: str) -> None:
    """Make this turn's branch the visible one."""
    with errors_as_notice():
        window.bring(session.remembered("chat") or "", turn_id)


def regenerate(turn_id: str, *, persona_id: str | None = None, model: str | None = None) -> None:
    """Generate another reply beside this one."""
    with errors_as_notice():
        branches = session.workspace().branches
        branches.regenerate(turn_id, persona_id=persona_id, model=model, offline=session.is_offline_chosen())
        _moved_on()


def go_on(turn_id: str) -> None:
    """Continue a reply where it ended."""
    with errors_as_notice():
        session.workspace().chat.continue_reply(turn_id)
        _moved_on()


def fork(turn_id: str) -> None:
    """Open a new conversation with the turns down to this one."""
    with errors_as_notice():
        original_id = session.remembered("chat") or ""
        forked = session.workspace().branches.fork(turn_id)
        session.new_chat()
        if forked.temporary:
            session.enter_temporary(forked.id)
        session.remember("chat", forked.id)
        chat_state().forked = Forked(forked.id, original_id)


def forked() -> Forked | None:
    """The conversation that this session forked last."""
    return chat_state().forked


def open_original(conversation_id: str) -> None:
    session.new_chat()
    session.remember("chat", conversation_id)


def delete(turn_id: str) -> None:
    """Hide the turn and what follows it, and remember how to undo that."""
    with errors_as_notice():
        conversation_id = session.remembered("chat") or ""
        here = session.workspace()
        seen = [turn.id for turn in here.chat.conversation(conversation_id).path]
        count = len(seen) - seen.index(turn_id) if turn_id in seen else 1
        leaf_id = here.branches.delete_turn(turn_id)
        _moved_on()
        chat_state().deleted = Deleted(conversation_id, turn_id, leaf_id, count)


def deleted(conversation_id: str) -> Deleted | None:
    """What was last deleted in this conversation and can be restored."""
    deleted_turn = chat_state().deleted
    return deleted_turn if deleted_turn and deleted_turn.conversation_id == conversation_id else None


def undelete(what: Deleted) -> None:
    chat_state().deleted = None
    with errors_as_notice():
        session.workspace().branches.restore_turn(what.turn_id, what.leaf_id)


def _moved_on() -> None:
    session.moved_on(session.remembered("chat"))


# --- rating ---------------------------------------------------------------------------------------


def open_rating(turn_id: str) -> None:
    """Show rating buttons at a turn that isn't the last."""
    chat_state().rated_turn = turn_id


# --- dialogs --------------------------------------------------------------------------------------


def ask(dialog: str, turn_id: str = "") -> None:
    """Have the page open a dialog."""
    chat_state().dialog = TurnDialog(dialog, turn_id)


def open_dialog() -> TurnDialog | None:
    """The dialog to open now: once, or until it is answered if it asks a question."""
    dialog = chat_state().dialog
    if dialog and dialog.dialog not in {"regenerate", "forecast", "values", "settings", "save_test"}:
        close_dialog()
    return dialog


def close_dialog() -> None:
    chat_state().dialog = None


def _ask_request(turn_id: str) -> None:
    ask("request", turn_id)


def ask_costs(turn_id: str) -> None:
    ask("costs", turn_id)


def _ask_other(turn_id: str) -> None:
    ask("regenerate", turn_id)


def compare(turn_id: str) -> None:
    """Go to the Compare page with this message, or the message this turn answers."""
    from personachat.ui.compare import ways_in  # noqa: PLC0415  # the chat page needs none of it otherwise

    with errors_as_notice():
        chat = session.workspace().chat
        conversation_id, turn = chat.turn(turn_id)
        settings = stored_settings(chat.conversation(conversation_id, last=1).settings)
        ways_in.from_turn(turn, chat.path(turn_id), settings)


def _ask_save_test(turn_id: str) -> None:
    ask("save_test", turn_id)


# --- the menu of a turn ---------------------------------------------------------------------------

MENU: dict[str, Callable[[str], None]] = {
    ":material/edit: Edit": edit,
    ":material/content_copy: Copy": copy,
    ":material/refresh: Regenerate": regenerate,
    ":material/swap_horiz: Regenerate with…": _ask_other,
    ":material/compare_arrows: Compare with…": compare,
    ":material/thumbs_up_down: Rate": open_rating,
    ":material/call_split: Fork from here": fork,
    ":material/rule: Save as test": _ask_save_test,
    ":material/receipt_long: Costs": ask_costs,
    ":material/data_object: Show request": _ask_request,
    ":material/delete: Delete": delete,
}
"""The actions for a turn, in the order of the menu."""


def choose(key: str, turn_id: str) -> None:
    """Do what was chosen in the menu of a turn in the last exchange."""
    action = st.session_state[key]
    if action:
        MENU[action](turn_id)


def choose_in_turn(action: str, turn_id: str) -> None:
    """Do what was chosen in an older turn's menu; turn and choice come from the browser."""
    do = MENU.get(action)
    if do:
        do(turn_id)


def row_key(name: str, turn_id: str, menu: Iterable[str]) -> str:
    """The key of an older turn's row, with a letter for each menu entry that gives its place in MENU."""
    places = dict(zip(MENU, ascii_lowercase, strict=False))
    return f"{name}_{''.join(places[label] for label in menu)}_{turn_id}"
