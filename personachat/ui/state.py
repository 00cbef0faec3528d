"""What a browser session remembers: ids and choices, behind typed names, never rows or transcripts.

Ids that must survive a refresh stand in the URL as well; `st.navigation` drops query parameters, so the
session has them too and writes them back.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st

from personachat.chat import ChatService
from personachat.conversations.model import Conversation
from personachat.errors import (
    ConversationNotFound,
    PersonaChatError,
    SettingsInvalid,
)
from personachat.services import Services, Workspace, get_services
from personachat.ui.owner import current_owner
from personachat.ui.transcript import SHOWN_TURNS, STEP_TURNS
from personachat.ui.wording import error_text


def services() -> Services:
    """The process's services; a page that cannot have them says why and ends."""
    try:
        return get_services()
    except SettingsInvalid as error:
        st.error(str(error), title="PersonaChat cannot start", icon=":material/settings_alert:")
        st.stop()


def workspace() -> Workspace:
    """What the person in front of this session can do."""
    return services().of(current_owner())


@dataclass(slots=True)
class Draft:
    """An unsaved text of a persona. `etag` is the version it began from; None for a new persona."""

    text: str
    base_text: str
    etag: str | None


def drafts() -> dict[str, Draft]:
    """Unsaved persona texts by the id they were opened under."""
    return cast("dict[str, Draft]", st.session_state.setdefault("persona_drafts", {}))


def remembered(name: str) -> str | None:
    """A value from the URL, else from the session; None where neither has it."""
    value = st.query_params.get(name) or st.session_state.get(f"remembered_{name}")
    return str(value) if value else None


def remember(name: str, value: str | None) -> None:
    """Keep a value in the session and in the URL; None forgets it."""
    st.session_state[f"remembered_{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


# --- the chat -------------------------------------------------------------------------------------


def follow_deep_link() -> None:
    """A link that names another persona and no chat begins a new chat with it."""
    linked = st.query_params.get("persona")
    if linked and not st.query_params.get("chat") and linked != st.session_state.get("remembered_persona"):
        new_chat()


def current_conversation(chat: ChatService) -> Conversation | None:
    """The conversation the session is in; None where none has begun. Raises DatabaseUnavailable and -Damaged.

    One that is gone is said once.
    """
    conversation_id = remembered("chat")
    _leave_temporary(chat, going_to=conversation_id)
    if conversation_id is None:
        return None
    try:
        conversation = chat.conversation(conversation_id, last=turns_to_load(conversation_id))
    except ConversationNotFound:
        new_chat()
        st.session_state["chat_is_gone"] = True
        return None
    if not conversation.kept:  # begun over the API; a page may leave its replies at any time
        chat.keep(conversation_id)
    remember("chat", conversation_id)
    return conversation


def draw_gone() -> None:
    """Say once that the chat of the link is not there."""
    if st.session_state.pop("chat_is_gone", False):
        st.info(
            "That chat does not exist, or no longer.",
            icon=":material/history_toggle_off:",
        )


def new_chat() -> None:
    """Leave the conversation; the next message begins another."""
    remember("chat", None)
    moved_on(None)
    st.session_state.pop("chat_is_gone", None)


def moved_on(conversation_id: str | None) -> None:
    """Something was said or chosen: what could be undone or was pointed at until now is over."""
    for name in ("cleared", "deleted", "editing", "found", "forked", "unsaved_words"):
        st.session_state.pop(name, None)
    if st.session_state.pop(f"below_{conversation_id}", 0):
        del st.session_state[f"earlier_{conversation_id}"]


# --- which turns are shown ------------------------------------------------------------------------


def turns_to_load(conversation_id: str) -> int:
    """As many turns as the window may show, and the one above it."""
    return SHOWN_TURNS + STEP_TURNS + earlier_turns(conversation_id) + 1


def earlier_turns(conversation_id: str) -> int:
    """How many turns above the window this session has asked for."""
    return int(st.session_state.get(f"earlier_{conversation_id}", 0))


def turns_below(conversation_id: str) -> int:
    """How many turns at the end are not shown, because the window was moved up to one that was looked for."""
    return int(st.session_state.get(f"below_{conversation_id}", 0))


def say_not_done(error: PersonaChatError, *, title: str = "That did not work") -> None:
    """Have the page say why what was asked for was not done."""
    st.session_state["not_done"] = (title, error_text(error))


def not_done() -> tuple[str, str] | None:
    """Title and sentence of what was not done; said once."""
    return cast("tuple[str, str] | None", st.session_state.pop("not_done", None))


# --- how the next reply comes about ---------------------------------------------------------------


def offline_chosen() -> bool:
    """Whether the person asked for the offline model where the persona's own failed."""
    return bool(st.session_state.get("offline_chosen"))


def choose_offline(chosen: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    st.session_state["offline_chosen"] = chosen


def temporary_chosen() -> bool:
    """Whether the next chat that begins is a temporary one."""
    return bool(st.session_state.get("temporary_chosen"))


def choose_temporary(chosen: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    st.session_state["temporary_chosen"] = chosen


def begin(chat: ChatService) -> Conversation:
    """A new conversation, as the person wants it."""
    conversation = chat.start(temporary=temporary_chosen())
    if conversation.temporary:
        enter_temporary(conversation.id)
        choose_temporary(False)
    return conversation


def enter_temporary(conversation_id: str) -> None:
    """This session is in a temporary chat, which is gone once it leaves it."""
    st.session_state["temporary_chat"] = conversation_id


def _leave_temporary(chat: ChatService, *, going_to: str | None) -> None:
    """A temporary chat is gone when its session is in another one."""
    left = st.session_state.get("temporary_chat")
    if left and left != going_to:
        del st.session_state["temporary_chat"]
        with suppress(PersonaChatError):
            chat.clear(left)
            chat.discard(left)


# --- conversations ---


def open_conversation(conversation_id: str, persona_id: str, turn_id: str | None = None) -> None:
    """Go to a conversation, or to one of its turns, with the persona that spoke last in it."""
    new_chat()
    remember("chat", conversation_id)
    if persona_id:
        remember("persona", persona_id)
    query = {"chat": conversation_id, "persona": persona_id, "turn": turn_id}
    go_to("chat", {name: value for name, value in query.items() if value})


def go_to(page: Literal["chat", "history"], query: dict[str, str] | None = None) -> None:
    """Have this run end on that page, with these query parameters."""
    st.session_state["wanted_page"] = (page, query or {})


def wanted_page() -> tuple[str, dict[str, str]] | None:
    """What `go_to` asked for, until the session is there."""
    return cast("tuple[str, dict[str, str]] | None", st.session_state.get("wanted_page"))


def arrive() -> int:
    """The session is where `go_to` sent it; returns for which time."""
    del st.session_state["wanted_page"]
    st.session_state["arrivals"] = int(st.session_state.get("arrivals", 0)) + 1
    return int(st.session_state["arrivals"])


@dataclass(frozen=True, slots=True)
class PutAway:
    """Conversations that were just deleted or archived, and what the session was in before and after."""

    ids: tuple[str, ...]
    title: str
    """Of the first."""
    how: Literal["deleted", "archived"]
    left: str | None = None
    """The one of them the session was in."""
    now_in: str | None = None


def put_away() -> PutAway | None:
    """What can be brought back; nothing any more once the session has gone on to another conversation."""
    done = cast("PutAway | None", st.session_state.get("put_away"))
    if done and done.now_in != remembered("chat"):
        st.session_state.pop("put_away")
        return None
    return done


def offer_undo(done: PutAway | None) -> None:
    st.session_state["put_away"] = done


@dataclass(frozen=True, slots=True)
class OpenDialog:
    """A dialog about a conversation, which stays open from run to run until it is closed."""

    kind: Literal["rename", "share", "export"]
    conversation_id: str


def open_dialog() -> OpenDialog | None:
    return cast("OpenDialog | None", st.session_state.get("conversation_dialog"))


def show_dialog(dialog: OpenDialog | None) -> None:
    st.session_state["conversation_dialog"] = dialog


def close_dialog() -> None:
    show_dialog(None)


def say_not_arranged(words: str) -> None:
    """Have this run say, once, why something was not done to a conversation."""
    st.session_state["not_arranged"] = words


def not_arranged() -> str | None:
    return cast("str | None", st.session_state.pop("not_arranged", None))


def history_rows() -> int:
    """How many rows of the History page are wanted."""
    return int(st.session_state.get("history_rows", HISTORY_STEP))


def show_more_history() -> None:
    st.session_state["history_rows"] = history_rows() + HISTORY_STEP


def begin_history_anew() -> None:
    """Another query or filter begins with the first rows, and with nothing picked."""
    st.session_state.pop("history_rows", None)
    for key in [key for key in st.session_state if str(key).startswith(PICKED)]:
        del st.session_state[key]


def ask_for_search() -> None:
    """Go to the search of the History page and have its box ready to type in."""
    st.session_state["focus_search"] = True
    go_to("history")


def search_was_asked_for() -> bool:
    return bool(st.session_state.pop("focus_search", False))


def shared_turns() -> int:
    """How many turns of a shared conversation are wanted."""
    return int(st.session_state.get("shared_turns", SHOWN_TURNS))


def show_more_shared() -> None:
    st.session_state["shared_turns"] = shared_turns() + SHOWN_TURNS


def imports() -> int:
    """How many files this session has taken in; the next one gets a field of its own."""
    return int(st.session_state.get("imports", 0))


def end_import(*, done: str = "", refused: str = "") -> None:
    """The file in the field was taken in or refused; the next run says so, with an empty field."""
    st.session_state["imports"] = imports() + 1
    st.session_state["import_outcome"] = (done, refused)


def import_outcome() -> tuple[str, str]:
    """What was done and what was refused, told once."""
    return cast("tuple[str, str]", st.session_state.pop("import_outcome", ("", "")))


HISTORY_STEP = 30
PICKED = "picked_"
"""What the keys of the History page's checkboxes begin with; a conversation's id follows."""
