"""The message box and what happens to a sent message: it starts a reply or waits for one to end.

Everything happens in callbacks, before the page is drawn: the provider has the request while the page still
draws the history. A message that couldn't be sent goes back into the box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.chat.service import ChatService
from personachat.conversations.model import Conversation, Turn
from personachat.errors import DatabaseDamaged, DatabaseUnavailable, PersonaChatError, ReplyInProgress
from personachat.messages import ChatMessage
from personachat.personas.chat_settings import AS_IN_THE_PERSONA
from personachat.personas.persona import Persona
from personachat.services import Services
from personachat.settings import LOCAL
from personachat.ui import notices, session
from personachat.ui.chat import actions, greetings, values
from personachat.ui.chat.state import PERSONA_CHOICE, chat_state
from personachat.ui.chat.transcript import USER_AVATAR
from personachat.ui.wording import escaped

BOX = "message"
STARTERS = "starters"

NOT_SENT = "Not sent"
CHAT_DELETED = PersonaChatError(
    "The chat you wrote this in was deleted.", hint="Send it again to start a new one."
)


def draw_box(persona: Persona | None) -> None:
    """The box at the bottom of the page. It doesn't change while a reply streams."""
    st.chat_input(
        f"Message {persona.name}" if persona else "No persona to talk to",
        key=BOX,
        on_submit=_submit,
        disabled=persona is None,
    )


def _submit() -> None:
    send(str(st.session_state[BOX] or ""))


def _start_with() -> None:
    send(str(st.session_state[STARTERS] or ""))


def send(text: str) -> None:
    """Send a message to the current persona. During a reply, it waits for the end."""
    if not text.strip():
        return
    if session.gone_meanwhile():  # nobody wanted another chat with this message
        st.session_state[BOX] = text
        notices.say_not_done(CHAT_DELETED, title=NOT_SENT)
        return
    try:
        chat = session.workspace().chat
        conversation = session.current_conversation(chat, to_answer=True)
        persona_id, offline = str(st.session_state[PERSONA_CHOICE]), session.is_offline_chosen()
        persona = session.workspace().addressed.get(persona_id).persona
        values.check(persona, conversation)
        variables = values.form_values(persona, conversation)
        begins = conversation is None or not conversation.path
        begun = greetings.begun_with(values.applied(persona, conversation)) if begins else ()
        if conversation is None:
            _begin(chat, text, persona_id, history=begun, variables=variables)
            values.forget(persona, None)
            return
        try:
            chat.send(
                conversation.id,
                text,
                persona_id=persona_id,
                offline=offline,
                history=begun,
                variables=variables,
                conversation=conversation,
            )
            values.forget(persona, conversation)
        except ReplyInProgress:  # here, or in another window that was faster
            chat.queue(conversation.id, text, persona_id=persona_id, offline=offline)
        session.moved_on(conversation.id)
    except PersonaChatError as error:
        st.session_state[BOX] = text
        notices.say_not_done(error, title=NOT_SENT)
        if isinstance(error, (DatabaseUnavailable, DatabaseDamaged)):
            chat_state().unsaved_words = text


def _begin(
    chat: ChatService,
    text: str,
    persona_id: str,
    *,
    history: Sequence[ChatMessage],
    variables: Mapping[str, str],
) -> None:
    """Send the first message of a new conversation and open that."""
    temporary = session.is_temporary_chosen()
    reply = chat.begin(
        text,
        persona_id=persona_id,
        offline=session.is_offline_chosen(),
        history=history,
        temporary=temporary,
        variables=variables,
        settings=chat_state().settings_of_next,
    )
    chat_state().settings_of_next = AS_IN_THE_PERSONA
    session.remember("chat", reply.conversation_id)
    if temporary:
        session.enter_temporary(reply.conversation_id)
        session.choose_temporary(False)
    session.moved_on(reply.conversation_id)


def _send_unsaved() -> None:
    """Send a message that couldn't be saved in a temporary chat, which needs no saving."""
    words = chat_state().unsaved_words or ""
    session.new_chat()
    session.choose_temporary(True)
    st.session_state[BOX] = ""
    send(words)


def draw_not_done(place: DeltaGenerator) -> None:
    """Why something failed; a message that wasn't sent is back in the box."""
    for notice in notices.take("page"):
        with place.container():
            icon = ":material/unpublished:" if notice.title == NOT_SENT else notice.icon
            st.warning(notice.text, title=notice.title, icon=icon)
            if notice.title == NOT_SENT:
                _draw_unsaved()


def _draw_unsaved() -> None:
    if chat_state().unsaved_words is not None:
        st.button(
            "Send it in a temporary chat",
            icon=":material/visibility_off:",
            help="Not saved. It disappears when you leave it or PersonaChat stops.",
            on_click=_send_unsaved,
            key="send_unsaved",
        )


def draw_opening(persona: Persona, conversation: Conversation | None) -> None:
    """An empty chat: suggestions for a first message. The picker says who the persona is."""
    values.draw_form(persona, conversation)
    greetings.draw(values.applied(persona, conversation))
    if persona.starters:
        st.session_state[STARTERS] = None
        st.pills(
            "Start with",
            persona.starters,
            key=STARTERS,
            on_change=_start_with,
            format_func=escaped,
            label_visibility="collapsed",
            wrap=True,
        )


def draw_ways_on(services: Services, conversation: Conversation, turn: Turn) -> None:
    """What can be done about the last reply if it was cut off."""
    reply = turn.reply
    if reply is None or reply.live or reply.complete:
        return
    offline = bool(reply.error) and services.models.offline_available and reply.provider != LOCAL
    with st.container(horizontal=True):
        if reply.continuable and reply.text.strip():
            st.button(
                "Continue",
                icon=":material/play_arrow:",
                help="Continue where the reply ended",
                on_click=actions.go_on,
                args=(turn.id,),
                key="continue",
            )
        st.button("Retry", icon=":material/refresh:", on_click=_retry, args=(conversation.id,), key="retry")
        if offline:
            st.button(
                "Use the offline model",
                icon=":material/cloud_off:",
                on_click=_retry,
                args=(conversation.id,),
                kwargs={"offline": True},
                key="retry_offline",
            )
        refused = reply.error and reply.error.code in {"model_not_found", "request_refused"}
        if refused and st.button("Edit the persona", icon=":material/edit:", key="edit_persona"):
            st.switch_page("pages/personas.py", query_params={"id": turn.persona_id})


def draw_unanswered(conversation: Conversation) -> None:
    """The button for an answer if the last message has none: it was deleted, or the process died first."""
    leaf = conversation.leaf
    if leaf and leaf.role == "user":
        st.button("Answer", icon=":material/reply:", on_click=_retry, args=(conversation.id,), key="answer")


def _retry(conversation_id: str, *, offline: bool = False) -> None:
    if offline:
        session.choose_offline(True)
    try:
        session.workspace().chat.retry(conversation_id, offline=session.is_offline_chosen())
    except PersonaChatError as error:
        notices.say_not_done(error, title=NOT_SENT)


def draw_queue(chat: ChatService, conversation: Conversation) -> None:
    """Messages that were sent while the reply above was still streaming."""
    with st.container() if conversation.queue else st.empty():
        for message in conversation.queue:
            with st.chat_message("user", avatar=USER_AVATAR):
                st.text(message.content, width="stretch")
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(f":material/schedule: {_why_it_waits(conversation)}", width="content")
                    st.button(
                        "Send now",
                        type="tertiary",
                        on_click=_send_now,
                        args=(chat, conversation.id),
                        key=f"now_{message.id}",
                    )
                    st.button(
                        "Remove",
                        type="tertiary",
                        on_click=_remove,
                        args=(chat, conversation.id, message.id),
                        key=f"remove_{message.id}",
                    )


def _why_it_waits(conversation: Conversation) -> str:
    leaf = conversation.leaf
    live = leaf is not None and leaf.reply is not None and leaf.reply.live
    return "Queued: sends after this reply" if live else "Not sent yet"


def send_waiting(chat: ChatService, conversation: Conversation) -> Conversation:
    """Send the first queued message if it is due; returns the conversation as it is then.

    After a failed or interrupted reply, the queue waits for the person to decide.
    """
    leaf = conversation.leaf
    undecided = leaf and leaf.reply and leaf.reply.state in {"failed", "interrupted"}
    if conversation.queue and not undecided:
        _send_first(chat, conversation.id)
        return chat.conversation(conversation.id, last=session.turns_to_load(conversation.id))
    return conversation


def _send_first(chat: ChatService, conversation_id: str) -> None:
    try:
        chat.send_queued(conversation_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title=NOT_SENT)


def _remove(chat: ChatService, conversation_id: str, message_id: str) -> None:
    chat.unqueue(conversation_id, message_id)


def _send_now(chat: ChatService, conversation_id: str) -> None:
    running = chat.running(conversation_id)
    if running:
        running.stop()
    _send_first(chat, conversation_id)


def draw_cleared(chat: ChatService, conversation: Conversation) -> None:
    """Undo, after the chat was cleared."""
    leaf_id = chat_state().cleared
    if leaf_id:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/delete_sweep: Chat cleared.", width="content")
            st.button(
                "Undo",
                type="tertiary",
                icon=":material/undo:",
                on_click=_undo,
                args=(chat, conversation.id),
                key="undo_clear",
            )


def _undo(chat: ChatService, conversation_id: str) -> None:
    here = chat_state()
    if here.cleared:
        chat.restore(conversation_id, here.cleared)
    here.cleared = None
