"""The message box and what happens to words that are sent: they start a reply, or wait for one to end.

Everything is done in callbacks, before the page is drawn: the provider has the request while the page
still draws the history. Words that could not be sent go back into the box.
"""

from __future__ import annotations

import streamlit as st

from personachat.chat import ChatService, opening_words
from personachat.conversations.model import Conversation, Reply
from personachat.errors import PersonaChatError
from personachat.generation import Generation
from personachat.persona import Persona
from personachat.providers.embedded import LOCAL
from personachat.services import Services
from personachat.ui import state
from personachat.ui.transcript import DEFAULT_AVATAR, USER_AVATAR, draw_text
from personachat.ui.wording import error_text, escaped

BOX = "message"
STARTERS = "starters"


def draw_box(persona: Persona | None) -> None:
    """The box at the bottom of the page; it stays as it is while a reply streams."""
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
    """Send words to the current persona; beside a running reply they wait for its end."""
    if not text.strip():
        return
    try:
        chat = state.services().chat
        conversation = state.current_conversation(chat) or chat.start()
        state.remember("chat", conversation.id)
        persona_id, offline = str(st.session_state["persona_choice"]), state.offline_chosen()
        if chat.running(conversation.id):
            chat.queue(conversation.id, text, persona_id=persona_id, offline=offline)
        else:
            chat.send(conversation.id, text, persona_id=persona_id, offline=offline)
        st.session_state.pop("cleared", None)
    except PersonaChatError as error:
        st.session_state[BOX] = text
        st.session_state["not_sent"] = error_text(error)


def draw_not_sent() -> None:
    """Why the last words are back in the box."""
    reason = st.session_state.pop("not_sent", None)
    if reason:
        st.warning(reason, title="Not sent", icon=":material/unpublished:")


def draw_opening(persona: Persona) -> None:
    """What stands where nothing has been said yet: who this is, and how one may begin."""
    with st.container(gap=None):
        st.subheader(f"{persona.avatar or DEFAULT_AVATAR} {escaped(persona.name)}", anchor=False)
        if persona.description:
            st.caption(escaped(persona.description))
    words = opening_words(persona)
    if words:
        with st.chat_message("assistant", avatar=persona.avatar or DEFAULT_AVATAR):
            draw_text(words)
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


def draw_stop(generation: Generation) -> None:
    """The way to end a running reply; works before its first word as well."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            on_click=generation.stop,
            shortcut="Esc",
            key=f"stop_{generation.id}",
        )


def draw_ways_on(services: Services, conversation: Conversation, reply: Reply) -> None:
    """What can be done about a reply that did not come to its end."""
    if reply.state == "finished" and reply.finish_reason in {None, "stop"}:
        return
    offline = bool(reply.error) and services.providers.offline_available and reply.provider != LOCAL
    with st.container(horizontal=True):
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
        if reply.error and reply.error.code in {"model_not_found", "request_refused"}:
            turn = conversation.leaf
            if turn and st.button("Edit the persona", icon=":material/edit:", key="edit_persona"):
                st.switch_page("pages/personas.py", query_params={"id": turn.persona_id})


def _retry(conversation_id: str, *, offline: bool = False) -> None:
    if offline:
        state.choose_offline(True)
    try:
        state.services().chat.retry(conversation_id, offline=state.offline_chosen())
    except PersonaChatError as error:
        st.session_state["not_sent"] = error_text(error)


def draw_queue(chat: ChatService, conversation: Conversation) -> None:
    """Words that were sent while the reply above was still coming."""
    with st.container() if conversation.queue else st.empty():
        for message in conversation.queue:
            with st.chat_message("user", avatar=USER_AVATAR):
                st.text(message.content, width="stretch")
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(":material/schedule: Waits for the reply above", width="content")
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


def send_waiting(chat: ChatService, conversation: Conversation) -> Conversation:
    """Send the first queued message if its turn has come; returns the conversation as it is then.

    After a failed reply the queue waits for the person to decide.
    """
    leaf = conversation.leaf
    if conversation.queue and not (leaf and leaf.reply and leaf.reply.state == "failed"):
        _send_first(chat, conversation.id)
        draw_not_sent()
        return chat.conversation(conversation.id)
    return conversation


def _send_first(chat: ChatService, conversation_id: str) -> None:
    try:
        chat.send_queued(conversation_id)
    except PersonaChatError as error:
        st.session_state["not_sent"] = error_text(error)


def _remove(chat: ChatService, conversation_id: str, message_id: str) -> None:
    chat.unqueue(conversation_id, message_id)


def _send_now(chat: ChatService, conversation_id: str) -> None:
    running = chat.running(conversation_id)
    if running:
        running.stop()
    _send_first(chat, conversation_id)


def draw_cleared(chat: ChatService, conversation: Conversation) -> None:
    """The way back after the chat was cleared."""
    leaf_id = st.session_state.get("cleared")
    if leaf_id:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/delete_sweep: The chat was cleared.", width="content")
            st.button(
                "Undo", type="tertiary", icon=":material/undo:", on_click=_undo, args=(chat, conversation.id)
            )


def _undo(chat: ChatService, conversation_id: str) -> None:
    chat.restore(conversation_id, st.session_state.pop("cleared"))
