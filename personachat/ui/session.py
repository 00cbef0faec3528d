"""What a browser session remembers: ids and choices behind typed names, never rows or transcripts.

Ids that must survive a refresh are also in the URL. `st.navigation` drops query parameters, so the session
keeps them too and writes them back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

import streamlit as st

from personachat.accounts.administration import may_administer
from personachat.accounts.administrator import Administrator
from personachat.accounts.own_tokens import OwnTokens
from personachat.accounts.person import Person
from personachat.chat.service import ChatService
from personachat.conversations.model import Conversation
from personachat.errors import ConversationNotFound, PersonaChatError, SettingsInvalid
from personachat.personas.chat_settings import AS_IN_THE_PERSONA
from personachat.services import Services, get_services
from personachat.services.workspace import Workspace
from personachat.ui import last_seen, notices, returning, script_runs
from personachat.ui.chat.state import chat_state
from personachat.ui.chat.transcript import SHOWN_TURNS, STEP_TURNS
from personachat.ui.editing_rights import may_edit_here
from personachat.ui.editing_rights import why_not_edit as why_not_edit_here
from personachat.ui.notices import Notice
from personachat.ui.owner import current_owner, current_person, judged_later

_DRAFTS = "persona_drafts"

NO_CHAT = "This chat doesn't exist or was deleted."


def services() -> Services:
    """The process's services. If there are none, the page says why and ends."""
    try:
        return get_services()
    except SettingsInvalid as error:
        st.error(str(error), title="PersonaChat can't start", icon=":material/settings_alert:")
        st.stop()


def workspace() -> Workspace:
    """What the person using this session can do."""
    if services().accounts:  # their rights can change at any moment
        return _workspace_of(*_who())
    return script_runs.once_a_run(_workspace_of_run)


def _workspace_of_run() -> Workspace:
    return _workspace_of(*script_runs.once(_who))


def _workspace_of(person: Person, edits: bool) -> Workspace:  # noqa: FBT001  # a caller gives it by its place
    return get_services().of(person.key, person=person, may_edit=edits)


def administers() -> bool:
    """Whether the person using this session administers the server."""
    person = current_person()
    return may_administer(person.key, role=person.stated_role)


def administrator() -> Administrator:
    """What they can do as administrator. Raises AdministrationNotAllowed for everybody else."""
    person = current_person()
    return services().administrator(person.key, person=person)


def later(make: Callable[[Workspace], bytes]) -> Callable[[], bytes]:
    """A file that is created on download, outside any run, with the person's rights at that time."""
    who, edits = judged_later(), may_edit_here(services())

    def content() -> bytes:
        person = who()
        return make(_workspace_of(person if person.is_known else _visitor(person, edits=edits), edits))

    return content


def administrator_later(make: Callable[[Administrator], bytes]) -> Callable[[], bytes]:
    """The same for what an administrator can do."""
    who = judged_later()

    def content() -> bytes:
        person = who()
        return make(get_services().administrator(person.key, person=person))

    return content


def has_account() -> bool:
    """Whether the person using this session has logged in, if people do here."""
    return services().accounts and current_person().key.startswith("user:")


def own_tokens() -> OwnTokens:
    """What they can do with their own API tokens. Raises AdministrationNotAllowed if there are none."""
    person = current_person()
    return services().own_tokens(person.key, person=person)


def _who() -> tuple[Person, bool]:
    """Who uses this session and whether they may edit. To find out, it reads Streamlit's secrets files."""
    person, edits = current_person(), may_edit_here(services())
    return person if person.is_known else _visitor(person, edits=edits), edits


def _visitor(person: Person, *, edits: bool) -> Person:
    return get_services().person_of(person.key, may_edit=edits)


def why_not_edit(persona_id: str | None = None) -> str | None:
    """Why this session can't change personas, or this one; None if it can."""
    why = why_not_edit_here(services())
    if why is None and persona_id and not workspace().rights.may("edit", persona_id):
        return "You can use this persona, but not change it. Your edits stay in your own draft."
    return why


def hides_prompt(persona_id: str) -> bool:
    """Whether this session may use a persona but not see its prompt."""
    rights = workspace().rights
    return rights.may("use", persona_id) and not rights.may("prompt", persona_id)


@dataclass(slots=True)
class PersonaDraft:
    """An unsaved text of a persona. `etag` is the version it is based on; None for a new persona."""

    text: str
    base_text: str
    etag: str | None


def drafts() -> dict[str, PersonaDraft]:
    """Unsaved persona texts by the id they were opened under."""
    return cast("dict[str, PersonaDraft]", st.session_state.setdefault(_DRAFTS, {}))


def remembered(name: str) -> str | None:
    """A value from the URL, or else from the session; None if neither has it."""
    value = st.query_params.get(name) or st.session_state.get(_remembered_key(name))
    return str(value) if value else None


def remember(name: str, value: str | None) -> None:
    """Store a value in the session and in the URL; None removes it."""
    st.session_state[_remembered_key(name)] = value
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def _remembered_key(name: str) -> str:
    return f"remembered_{name}"


# --- the chat -------------------------------------------------------------------------------------


def follow_deep_link() -> None:
    """A link to another persona, without a chat, begins a new chat with it; a chat keeps its own persona."""
    linked, chat_id = st.query_params.get("persona"), st.query_params.get("chat")
    if linked and not chat_id and linked != st.session_state.get(_remembered_key("persona")):
        new_chat()
    elif chat_id and not linked and chat_id != st.session_state.get(_remembered_key("chat")):
        with suppress(PersonaChatError):  # the page reports it where it reads the chat
            st.session_state[_remembered_key("persona")] = workspace().library.summary(chat_id).persona_id


def talk_with(persona_id: str, *, is_default: bool) -> None:
    """Remember the persona, and put it in the address if that would lead to another one."""
    if st.query_params.get("persona") or not (is_default or remembered("chat")):
        remember("persona", persona_id)
    st.session_state[_remembered_key("persona")] = persona_id


def current_conversation(chat: ChatService, *, to_answer: bool = False) -> Conversation | None:
    """The conversation the session is in; None if none has begun.

    It has as many turns as may be shown; with `to_answer` all of them, but no siblings. If it is gone, that
    is said once. Raises DatabaseUnavailable and DatabaseDamaged.
    """
    conversation_id = remembered("chat")
    _leave_temporary(chat, going_to=conversation_id)
    if conversation_id is None:
        return None
    try:
        if to_answer:
            conversation = chat.to_answer(conversation_id)
        else:
            conversation = chat.conversation(conversation_id, last=turns_to_load(conversation_id))
    except ConversationNotFound:
        last_seen.conversations().forget(current_owner(), conversation_id)
        new_chat()
        notices.say("chat_gone", Notice(NO_CHAT, icon=":material/history_toggle_off:"))
        chat_state().gone_meanwhile = returning.in_progress()
        return None
    if not to_answer:
        last_seen.conversations().keep(conversation)
    if conversation.temporary and returning.in_progress():
        enter_temporary(conversation_id)
    if not conversation.durable:  # begun over the API; a page may leave at any time, and its replies continue
        chat.keep(conversation_id)
        conversation = replace(conversation, durable=True)
    remember("chat", conversation_id)
    return conversation


def gone_meanwhile() -> bool:
    """Whether the chat was gone when its page came back to a new session; true once."""
    here = chat_state()
    was_gone, here.gone_meanwhile = here.gone_meanwhile, False
    return was_gone


def conversation_seen() -> Conversation | None:
    """The conversation the session is in as it was seen last, for when it can't be read."""
    seen = last_seen.conversations().find(current_owner(), remembered("chat") or "")
    return last_seen.brought_up(seen, services().runner) if seen else None


def draw_no_chat() -> None:
    """Say once that the link's chat doesn't exist."""
    if returning.in_progress():
        return
    chat_state().gone_meanwhile = False
    for notice in notices.take("chat_gone"):
        st.info(notice.text, icon=notice.icon)


def new_chat() -> None:
    """Leave the conversation; the next message begins another."""
    remember("chat", None)
    moved_on(None)
    chat_state().settings_of_next = AS_IN_THE_PERSONA
    notices.say("chat_gone")


def moved_on(conversation_id: str | None) -> None:
    """Something was sent or chosen: undo buttons and links to a turn are over."""
    chat_state().moved_on(conversation_id)


# --- which turns are shown ------------------------------------------------------------------------


def turns_to_load(conversation_id: str) -> int:
    """As many turns as the page may show, plus the one above them."""
    return SHOWN_TURNS + STEP_TURNS + earlier_turns(conversation_id) + 1


def earlier_turns(conversation_id: str) -> int:
    """How many turns above the usual number this session has requested."""
    return chat_state().earlier.get(conversation_id, 0)


def turns_below(conversation_id: str) -> int:
    """How many turns at the end are not shown, because the page was moved up to a search result."""
    return chat_state().below.get(conversation_id, 0)


# --- how the next reply comes about ---------------------------------------------------------------


def is_offline_chosen() -> bool:
    """Whether the person chose the offline model after the persona's own failed."""
    return bool(remembered("offline"))


def choose_offline(on: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    remember("offline", "yes" if on else None)


def is_temporary_chosen() -> bool:
    """Whether the next chat is a temporary one."""
    return bool(remembered("temporary"))


def choose_temporary(on: bool) -> None:  # noqa: FBT001  # it is what a button's callback passes
    remember("temporary", "yes" if on else None)


def enter_temporary(conversation_id: str) -> None:
    """This session is in a temporary chat, which disappears when the session leaves it."""
    chat_state().temporary_chat = conversation_id


def _leave_temporary(chat: ChatService, *, going_to: str | None) -> None:
    """A temporary chat disappears when its session enters another one."""
    here = chat_state()
    left = here.temporary_chat
    if left and left != going_to:
        here.temporary_chat = None
        with suppress(PersonaChatError):
            chat.clear(left)
            chat.discard(left)
