"""What a click on the Compare page does: callbacks that run before the page is drawn, and report errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.comparisons.model import Setup
from personachat.ui import notices, session
from personachat.ui.compare import state
from personachat.ui.history import state as library_state
from personachat.ui.wording import escaped

NEXT = "compare_next"
TITLE = "comparison_title"


def _do(what: Callable[[], object], *, title: str = "Something went wrong") -> bool:
    try:
        what()
    except PersonaChatError as error:
        notices.say_not_done(error, title=title)
        return False
    return True


def begin(
    setups: Sequence[Setup], messages: Sequence[str] | None, *, blind: bool, most_cost_usd: float | None
) -> None:
    """Send the first of these messages to all variants; None means the text in the field."""
    texts = list(messages) if messages is not None else written()

    def start() -> None:
        first = texts[0] if texts else ""
        comparisons = session.workspace().comparisons
        comparison_id = comparisons.begin(
            setups, first, blind=blind, waiting=texts[1:], most_cost_usd=most_cost_usd
        )
        state.compare_state().wanted_message = ""
        state.open_comparison(comparison_id)

    _do(start, title="The comparison wasn't started")


def written() -> list[str]:
    """The text in the field: one message, or one per line."""
    text = str(st.session_state.get(state.MESSAGE) or "")
    if not st.session_state.get(state.AS_LIST):
        return [text]
    return [line.strip() for line in text.splitlines() if line.strip()]


def say(comparison_id: str) -> None:
    """Send the typed message."""
    text = str(st.session_state.get(NEXT) or "")
    if text.strip():
        _do(lambda: session.workspace().comparisons.send(comparison_id, text), title="Not sent")


def send_next(comparison_id: str) -> None:
    """Send the next message of the list."""
    _do(lambda: session.workspace().comparisons.send_next(comparison_id), title="Not sent")


def send_all(comparison_id: str) -> None:
    """Have the server send the rest of the list."""
    _do(lambda: session.workspace().comparisons.send_all(comparison_id), title="Not sent")


def raise_limit(comparison_id: str, number_key: str) -> None:
    """Set the cost limit to the sum in the field; an empty field removes it."""
    value = st.session_state.get(number_key)
    _do(lambda: session.workspace().comparisons.limit(comparison_id, value))


def save_questions(messages: Sequence[str]) -> None:
    """Save these messages under the name in the field."""
    name = str(st.session_state.get(state.SET_NAME) or "")

    def keep() -> None:
        question_set = session.workspace().comparisons.questions.save(name, messages)
        state.choose_questions(question_set.id)

    if _do(keep, title="The list wasn't saved"):
        st.session_state[state.SET_NAME] = ""
        st.toast(f"Saved “{escaped(name.strip())}”.", icon=":material/check:")


def rename_questions(set_id: str) -> None:
    name = str(st.session_state.get(state.rename_key(set_id)) or "")
    _do(lambda: session.workspace().comparisons.questions.change(set_id, name=name), title="Not renamed")


def delete_questions(set_id: str, name: str) -> None:
    if _do(lambda: session.workspace().comparisons.questions.delete(set_id)):
        state.compare_state().deleted_questions = (set_id, name)
        st.session_state.pop(state.SET, None)


def restore_questions(set_id: str) -> None:
    state.compare_state().deleted_questions = None

    def back() -> None:
        session.workspace().comparisons.questions.restore(set_id)
        state.choose_questions(set_id)

    _do(back)


def vote(comparison_id: str, number: int, choice: str) -> None:
    _do(lambda: session.workspace().comparisons.vote(comparison_id, number, choice))


def reveal(comparison_id: str, number: int) -> None:
    _do(lambda: session.workspace().comparisons.reveal(comparison_id, number))


def stop(comparison_id: str, letter: str | None = None) -> None:
    _do(lambda: session.workspace().comparisons.stop(comparison_id, letter))


def pause(comparison_id: str) -> None:
    _do(lambda: session.workspace().comparisons.pause(comparison_id))


def resume(comparison_id: str) -> None:
    _do(lambda: session.workspace().comparisons.pause(comparison_id, resume=True))


def retry(comparison_id: str, letter: str) -> None:
    _do(lambda: session.workspace().comparisons.retry(comparison_id, letter))


def continue_with(comparison_id: str, letter: str) -> None:
    """Open the column as a conversation."""

    def go() -> None:
        workspace = session.workspace()
        continued = workspace.comparisons.continue_with(comparison_id, letter)
        library_state.open_conversation(continued.conversation_id, continued.persona)
        if continued.differs:
            notice = f"The saved persona continues here. The column had {sentence_list(continued.differs)}."
            notices.say("page", notices.Notice(escaped(notice), icon=":material/info:"))

    _do(go)


def sentence_list(parts: Sequence[str]) -> str:
    """E.g. "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def share(comparison_id: str) -> None:
    """Get the link to a comparison: the existing one, or a new one."""

    def get() -> None:
        token = session.workspace().comparisons.share(comparison_id)
        state.compare_state().links[comparison_id] = token

    _do(get)


def unshare(comparison_id: str) -> None:
    if _do(lambda: session.workspace().comparisons.unshare(comparison_id)):
        state.compare_state().links.pop(comparison_id, None)


def ask_title() -> None:
    state.compare_state().renaming = True


def rename(comparison_id: str) -> None:
    title = str(st.session_state.get(TITLE) or "")
    if _do(lambda: session.workspace().comparisons.rename(comparison_id, title)):
        state.compare_state().renaming = False


def delete(comparison_id: str, title: str) -> None:
    if _do(lambda: session.workspace().comparisons.delete(comparison_id)):
        state.compare_state().deleted = (comparison_id, title)
        state.leave()


def restore(comparison_id: str) -> None:
    state.compare_state().deleted = None
    if _do(lambda: session.workspace().comparisons.restore(comparison_id)):
        with suppress(PersonaChatError):
            state.open_comparison(comparison_id)
