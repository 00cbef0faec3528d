"""Which turns of a conversation a session shows: the last ones, more of them, or those around a found one.

A window has whole steps of turns, so that most new turns leave the others in their place. Links lead to a
turn wherever it stands: its branch becomes the active one, and the window moves.
"""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation, Turn
from personachat.errors import PersonaChatError
from personachat.ui import notices, session
from personachat.ui.chat.state import chat_state
from personachat.ui.chat.transcript import STEP_TURNS, window_start

MORE_TURNS = 2 * STEP_TURNS
"""How many come at once where earlier or later ones are asked for."""

AROUND_TURNS = MORE_TURNS + STEP_TURNS
"""How many are shown around a found one; some of them stay in sight when the window moves on."""


def bounds(conversation: Conversation) -> tuple[int, int]:
    """The first turn to show and the one behind the last, counted from the beginning of the branch."""
    start = window_start(conversation.length, more=session.earlier_turns(conversation.id))
    end = conversation.length - session.turns_below(conversation.id)
    return start, max(end, start + 1)


def show_earlier(conversation_id: str) -> None:
    _move(conversation_id, MORE_TURNS)


def show_later(conversation_id: str) -> None:
    _move(conversation_id, -MORE_TURNS)


def _move(conversation_id: str, up: int) -> None:
    below = session.turns_below(conversation_id)
    here = chat_state()
    here.earlier[conversation_id] = max(0, session.earlier_turns(conversation_id) + up)
    if below:  # the window keeps its size
        here.below[conversation_id] = max(0, below + up)


def show_newest(conversation_id: str) -> None:
    """Go back to the end of the conversation."""
    session.moved_on(conversation_id)


def follow_turn_link() -> None:
    """Where the address names a turn, show and mark it; the address names the chat alone from then on."""
    turn_id, conversation_id = st.query_params.get("turn"), session.remembered("chat")
    if not turn_id:
        return
    st.query_params.pop("turn", None)
    if not conversation_id:
        return
    try:
        if bring(conversation_id, turn_id):
            chat_state().linked_turn = turn_id
    except PersonaChatError as error:
        notices.say_not_done(error)


def bring(conversation_id: str, turn_id: str) -> bool:
    """Make the turn's branch the active one and move the window to it; False if it is another chat's.

    Raises TurnNotFound and ConversationNotFound.
    """
    here = session.workspace()
    conversation = here.chat.conversation(conversation_id)
    target = _among(conversation, turn_id)
    if target is None:
        here.branches.show_sibling(turn_id)
        conversation = here.chat.conversation(conversation_id)
        target = _among(conversation, turn_id)
    if target is None:
        return False
    session.moved_on(conversation_id)
    usual = window_start(conversation.length)
    if target.depth < usual:
        start = max(0, (target.depth // STEP_TURNS - 1) * STEP_TURNS)
        state = chat_state()
        state.earlier[conversation_id] = usual - start
        state.below[conversation_id] = max(0, conversation.length - start - AROUND_TURNS)
    return True


def _among(conversation: Conversation, turn_id: str) -> Turn | None:
    return next((turn for turn in conversation.path if turn.id == turn_id), None)
