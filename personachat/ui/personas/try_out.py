"""Try out: a chat with the persona as it is in the editor, before it is saved.

The run only follows a reply, as on the chat page: a click elsewhere loses nothing of it. There is one chat
per persona. It lives as long as the session, is never stored, and survives every change of the draft. While
the text has errors, the conversation stays, and only the next message waits.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from personachat.chat.service import ChatService
from personachat.chat.turns import opening_words
from personachat.conversations.model import Conversation, Turn
from personachat.errors import ConversationNotFound, PersonaChatError, ReplyInProgress
from personachat.personas.persona import Persona, check_persona, parse_persona
from personachat.personas.store.persona_file import etag_of
from personachat.personas.variables import with_values
from personachat.replies.live import LiveReply
from personachat.settings import LOCAL
from personachat.ui import notices, returning, script_runs, session
from personachat.ui.chat import model_line
from personachat.ui.chat.stream import draw_at_times, draw_running
from personachat.ui.chat.transcript import bubble, caption_of, draw_outcome, draw_text, draw_words
from personachat.ui.faces import face
from personachat.ui.owner import current_owner
from personachat.ui.personas import tried_drafts, tried_values
from personachat.ui.personas.desk import OpenPersona, desk, take_typed
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import escaped

PIXELS = 400
NOT_STORED = ":material/science: Your draft answers here, saved or not. This chat is not stored."
CHANGED = ":material/edit: The draft has changed since this reply. Ask again to compare."
KEYS = "`Alt` + `T` goes to the message box here, and back to the editor."
NOT_VALID = "Fix the problems first: only a valid persona can answer."

BOX, STARTERS = "try_out_message", "try_out_starters"


def draw(open_persona: OpenPersona) -> None:
    """Draw the chat, and the running reply as it streams."""
    text = _answering_text(open_persona)
    if text is None:
        st.info(NOT_VALID, icon=":material/chat_error:")
        return
    chat = _chat(open_persona.id, text)
    conversation = _conversation(chat, open_persona.id)
    path = conversation.path if conversation else ()
    tried_drafts.meet(open_persona.id, path)
    changed = bool(path) and path[-1].persona_revision != etag_of(open_persona.text.encode())
    standing = CHANGED if changed else NOT_STORED
    st.caption(standing if open_persona.persona else f":material/chat_error: {NOT_VALID}", help=KEYS)
    persona = open_persona.persona or parse_persona(text)
    model_line.draw(session.services(), persona)
    tried_values.draw(open_persona.id, persona)
    notice_place = st.container()
    live = chat.live_reply(path[-1].id) if path and path[-1].reply and path[-1].reply.live else None
    with st.container(height=PIXELS, border=True, autoscroll=True, key="try_out_log"):
        if not path:
            _draw_opening(
                open_persona, with_values(persona, tried_values.values_of(open_persona.id, persona))
            )
        for turn in path[:-1]:
            _draw_turn(open_persona, turn)
        following = _draw_last(open_persona, conversation, live) if conversation and path else None
        _clear_below(len(path))
    _draw_controls(open_persona, text, conversation, live=live is not None)
    st.chat_input(
        f"Message {tried_drafts.current(open_persona)}",  # short enough never to wrap: the box would grow
        key=BOX,
        disabled=open_persona.persona is None,
        on_submit=_submit,
        args=(open_persona.id, text),
    )
    for notice in notices.take("page"):
        notice_place.warning(notice.text, title=notice.title, icon=":material/unpublished:")
    if following:
        returning.finish()  # what is below follows the reply to its end
        following.draw()


class _Following:
    """The places of the running reply, drawn at once, and what fills them."""

    def __init__(self, open_persona: OpenPersona, turn: Turn, live: LiveReply) -> None:
        self._live = live
        self._bubble = bubble(turn)
        with self._bubble:
            self._head, self._words = st.empty(), st.empty()
            st.caption(tried_drafts.label(open_persona, turn).capitalize())

    def draw(self) -> None:
        """Follow the reply to its end; under a dialog, which may be drawn later, only look at it."""
        if desk().question or script_runs.has_dialog():
            draw_at_times(self._live, head=self._head, words=self._words)
        elif not draw_running(self._live, head=self._head, words=self._words).live:
            st.rerun()  # the buttons are those of an ended reply


def _clear_below(turn_count: int) -> None:
    """Remove the turns of a longer chat that was visible until now: they would stay while a reply streams."""
    here = personas_state()
    before, here.turn_count = here.turn_count, turn_count
    for _ in range(before - turn_count):
        st.empty()


def _chat(persona_id: str, text: str) -> ChatService:
    """The draft with the test values."""
    return session.services().trying_out(
        text, owner=current_owner(), variables=tried_values.values_of(persona_id, parse_persona(text))
    )


def _conversation(chat: ChatService, persona_id: str) -> Conversation | None:
    conversation_id = personas_state().conversations.get(persona_id)
    if conversation_id is None:
        return None
    try:
        return chat.conversation(conversation_id)
    except ConversationNotFound:  # the server was restarted
        del personas_state().conversations[persona_id]
        return None


def _draw_opening(open_persona: OpenPersona, persona: Persona) -> None:
    words = opening_words(persona)
    if words:
        with st.chat_message("assistant", avatar=face(persona)):
            draw_text(words)
    else:
        st.caption(f"Say something to {escaped(persona.name)}.")
    if persona.starters:
        st.session_state[STARTERS] = None
        st.pills(
            "Start with",
            persona.starters,
            key=STARTERS,
            on_change=_start_with,
            args=(open_persona.id, open_persona.text),
            format_func=escaped,
            label_visibility="collapsed",
            wrap=True,
        )


def _answering_text(open_persona: OpenPersona) -> str | None:
    """The text of the draft; if it has errors, the last text without. None if there is none."""
    if open_persona.persona is not None:
        personas_state().last_valid = (open_persona.id, open_persona.text)
        return open_persona.text
    of, text = personas_state().last_valid or ("", "")
    if of == open_persona.id:
        return text
    return open_persona.stored.text if open_persona.stored and open_persona.saved_persona else None


def _draw_last(
    open_persona: OpenPersona, conversation: Conversation, live: LiveReply | None
) -> _Following | None:
    """The last turn, and the one it replaced: beside it if there is room, otherwise below."""
    last = conversation.path[-1]
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key="try_out_compared"):
        with st.container(key="try_out_last"):
            following = _Following(open_persona, last, live) if live else None
            if following is None:
                _draw_turn(open_persona, last)
        _draw_former(open_persona, conversation)
    return following


def _draw_former(open_persona: OpenPersona, conversation: Conversation) -> None:
    """The replies that the last one replaced, newest first."""
    last = conversation.path[-1]
    before = [each for each in conversation.siblings.get(last.id, ()) if each != last.id][::-1]
    if not before:
        return
    turns = {turn.id: turn for turn in session.workspace().branches.tree(conversation.id)}
    with st.container(key="try_out_former"):
        for former in (turns[each] for each in before if each in turns):
            if former.reply and former.reply.text:
                with st.container(border=True, gap="xsmall"):
                    st.caption(f"Before: {tried_drafts.label(open_persona, former)}")
                    draw_text(former.reply.text)


def _draw_turn(open_persona: OpenPersona, turn: Turn) -> None:
    with bubble(turn):  # in the three places of a running reply, so that nothing jumps when it ends
        head, words, below = st.container(), st.container(), st.container()
        reply = draw_words(turn, head=head, words=words)
        if reply:
            with below:
                draw_outcome(reply)
                draft = tried_drafts.label(open_persona, turn).capitalize()
                st.caption(f"{draft} · {caption_of(reply)}")


def _draw_controls(
    open_persona: OpenPersona, text: str, conversation: Conversation | None, *, live: bool
) -> None:
    path = conversation.path if conversation else ()
    reply = path[-1].reply if path else None
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            key="try_out_stop",
            shortcut="Esc",
            disabled=not live,
            on_click=_stop,
            args=(open_persona.id, text, path[-1].id if path else ""),
        )
        st.button(
            "Ask again",
            icon=":material/refresh:",
            key="try_out_retry",
            disabled=live or reply is None or open_persona.persona is None,
            help="Answers your last message again with the current draft. The earlier reply stays.",
            on_click=_retry,
            args=(open_persona.id, text),
        )
        if reply and reply.error and reply.provider != LOCAL and session.services().models.offline_available:
            st.button(
                "Use the offline model",
                icon=":material/cloud_off:",
                key="try_out_offline",
                on_click=_retry,
                args=(open_persona.id, text),
                kwargs={"offline": True},
            )
        st.button(
            "Clear",
            icon=":material/delete_sweep:",
            key="try_out_clear",
            disabled=not path,
            on_click=_clear,
            args=(open_persona.id, text),
        )


def _as_typed(persona_id: str, text: str) -> str:
    """The draft with the last keystrokes, which may come with the click; otherwise `text`, as drawn."""
    take_typed()
    draft = session.drafts().get(persona_id)
    return draft.text if draft and not check_persona(draft.text) else text


def _submit(persona_id: str, text: str) -> None:
    _send(persona_id, text, str(st.session_state[BOX] or ""), box=BOX)


def _start_with(persona_id: str, text: str) -> None:
    _send(persona_id, text, str(st.session_state[STARTERS] or ""))


def _send(persona_id: str, text: str, message: str, *, box: str = "") -> None:
    if not message.strip():
        return
    text = _as_typed(persona_id, text)
    chat, answering = _chat(persona_id, text), parse_persona(text).id
    try:
        conversation = _conversation(chat, persona_id) or chat.start(temporary=True)
        personas_state().conversations[persona_id] = conversation.id
        chat.send(conversation.id, message, persona_id=answering, offline=session.is_offline_chosen())
    except ReplyInProgress as error:
        _put_back(box, message)
        notices.say_not_done(error, title="Wait for the reply to finish, or stop it")
    except PersonaChatError as error:
        _put_back(box, message)
        notices.say_not_done(error, title="Not sent")


def _put_back(box: str, message: str) -> None:
    if box:
        st.session_state[box] = message


def _stop(persona_id: str, text: str, reply_id: str) -> None:
    _do(lambda chat: chat.stop(reply_id), persona_id, text)


def _retry(persona_id: str, text: str, *, offline: bool = False) -> None:
    if offline:
        session.choose_offline(True)
    conversation_id = personas_state().conversations[persona_id]
    again = _as_typed(persona_id, text)
    _do(lambda chat: chat.retry(conversation_id, offline=session.is_offline_chosen()), persona_id, again)


def _clear(persona_id: str, text: str) -> None:
    tried_drafts.forget(persona_id)
    conversation_id = personas_state().conversations.pop(persona_id, None)
    if conversation_id:
        _do(lambda chat: chat.discard(conversation_id), persona_id, text)


def _do(what: Callable[[ChatService], object], persona_id: str, text: str) -> None:
    try:
        what(_chat(persona_id, text))
    except PersonaChatError as error:
        notices.say_not_done(error)
