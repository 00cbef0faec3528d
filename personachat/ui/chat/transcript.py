"""Draws turns: who said it, the words, and a quiet line about how the reply came about."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.avatars import avatar_in
from personachat.conversations.model import Reply, Turn
from personachat.history.explanations import LENGTH, explanation_of
from personachat.messages import Failed
from personachat.personas.token_estimates import estimate_tokens
from personachat.replies.endings import ENDINGS, ending_of
from personachat.stamps import now
from personachat.ui import faces
from personachat.ui.chat.markdown import pieces_of
from personachat.ui.chat.stream import Place, column, thought_label
from personachat.ui.wording import escaped, money, short

SHOWN_TURNS = 20
"""How many of the last turns are drawn; earlier ones on demand. All are drawn again with each message."""

STEP_TURNS = 10
"""The window moves in steps, so that most new turns leave the others in their place."""

USER_AVATAR = ":material/person:"
DEFAULT_AVATAR = faces.DEFAULT_AVATAR


def drawable(avatar: str | None) -> str:
    """What stands for a speaker where no picture can: the avatar, or the default where it cannot be one.

    Streamlit opens whatever else it is given as a picture, so every avatar goes through here or `faces`.
    """
    return avatar_in(avatar) or DEFAULT_AVATAR


def window_start(turns: int, *, more: int = 0) -> int:
    """The first turn to draw of `turns`, with `more` earlier ones asked for."""
    excess = max(0, turns - SHOWN_TURNS)
    return max(0, -(-excess // STEP_TURNS) * STEP_TURNS - more)


def place(start: int) -> DeltaGenerator:
    """Where a transcript that begins with turn `start` is drawn.

    A block that is drawn again keeps what stood in it before until the run ends. So a window that has
    moved gets another place, and the one it had is emptied at once.
    """
    even = start // STEP_TURNS % 2 == 0
    first = st.container() if even else st.empty()
    second = st.empty() if even else st.container()
    return first if even else second


def draw_switch(previous: Turn | None, persona_id: str, persona_name: str) -> None:
    """A thin line where another persona takes over."""
    if previous is not None and previous.persona_id != persona_id:
        st.caption(f":material/swap_horiz: Now talking to {escaped(persona_name)}", text_alignment="center")


def draw_words(turn: Turn, *, head: Place, words: Place, may_go_on: bool = True) -> Reply | None:
    """The words of an ended turn; returns its reply, None for what was not generated.

    Where its reply `may_go_on`, it has the place for that.
    """
    if turn.role == "user":
        words.text(turn.content, width="stretch")
    elif turn.reply is None:
        draw_text(turn.content, words.container())
    else:
        draw_reply(turn.reply, head=head, words=words, may_go_on=may_go_on)
    return turn.reply


def bubble(turn: Turn) -> DeltaGenerator:
    """The container of one turn."""
    return st.chat_message("user" if turn.role == "user" else "assistant", avatar=face(turn))


def face(turn: Turn) -> str | bytes:
    """What stands beside it."""
    return USER_AVATAR if turn.role == "user" else faces.face_of_turn(turn.avatar)


def draw_text(text: str, words: Place = st) -> None:
    for piece in pieces_of(text):
        words.markdown(piece)


def draw_reply(reply: Reply, *, head: Place, words: Place, may_go_on: bool = True) -> None:
    """What `stream.draw_running` leaves of a reply; without the places for more where none may come."""
    if reply.reasoning:
        with head.status(thought_label(reply), type="compact", state="complete"):
            draw_text(reply.reasoning)
    draw_text(reply.text, column(words).container() if may_go_on else words)


def draw_outcome(reply: Reply, *, begun_at: datetime | None = None) -> None:
    """What is to be said below the words: notices, how the reply ended, a failure.

    Without `begun_at` it has ended just now.
    """
    for notice in reply.notices:
        st.caption(f":material/info: {escaped(notice)}")
    if reply.state == "paused":
        st.badge(PAUSED, icon=ICONS[PAUSED], color="gray", help=HELP[PAUSED])
    elif (ending := ending_of(reply.state, reply.finish_reason)) and ending.name:
        st.badge(ending.name, icon=ICONS[ending.name], color="gray", help=HELP.get(ending.name))
    explanation = explanation_of(reply) if reply.state == "finished" else None
    if explanation and explanation is LENGTH:
        st.caption(explanation.text)
    elif explanation:
        st.warning(explanation.text)
    if reply.error:
        seconds = 0.0 if begun_at is None else (now() - begun_at).total_seconds()
        passed = max(0.0, seconds - (reply.duration_seconds or 0))
        draw_failure(reply.error, is_saved=bool(reply.text), seconds_since=passed)


def draw_failure(error: Failed, *, is_saved: bool = False, seconds_since: float = 0) -> None:
    """Say why a reply failed, and that what had arrived is kept, where it is.

    When to try again is said as long as that is still to come.
    """
    after = error.retry_after_seconds
    if after is not None and seconds_since >= after:
        error = replace(error, hint=_AGAIN_IN.sub("Try again.", error.hint))
        after = None
    wait = "" if after is None or "again in" in error.hint else f" Try again in {round(after)} s."
    arrived = " The text received so far is kept." if is_saved else ""
    request = f" :small[Request id: {escaped(error.request_id)}]" if error.request_id else ""
    st.error(
        f"{escaped(error.message)}{wait} {escaped(error.hint)}{arrived}{request}".strip(),
        title=TITLES.get(error.code, "The reply failed"),
        icon=":material/error:",
    )


_AGAIN_IN = re.compile(r"Try again in [\w ]+\.")

PAUSED = "Paused"

ICONS = {
    PAUSED: ":material/pause_circle:",
    ENDINGS["interrupted"].name: ":material/power_off:",
    ENDINGS["stopped"].name: ":material/stop_circle:",
    ENDINGS["length"].name: ":material/content_cut:",
    ENDINGS["content_filter"].name: ":material/filter_alt:",
    ENDINGS["refusal"].name: ":material/block:",
}
"""Of the badges of replies that are not simply finished."""

HELP = {
    PAUSED: "Nothing more is read from the provider until you resume.",
    ENDINGS["interrupted"].name: "PersonaChat stopped while this reply was being written.",
}

TITLES = {
    "api_key_missing": "No API key",
    "api_key_refused": "The API key was rejected",
    "model_not_found": "Model not found",
    "no_model_available": "No model is available",
    "rate_limited": "Too many requests",
    "quota_exceeded": "Quota used up",
    "context_too_long": "The conversation is too long",
    "provider_unavailable": "The provider can't be reached",
    "provider_overloaded": "The provider is overloaded",
    "provider_fault": "The provider couldn't answer",
    "first_token_timeout": "No answer arrived",
    "idle_timeout": "The reply stalled",
    "reply_timeout": "The reply took too long",
    "connection_lost": "The connection was lost",
    "reply_truncated": "The reply ended early",
    "reply_empty": "Empty reply",
    "too_many_replies": "Too many replies at once",
    "budget_exceeded": "The budget is used up",
    "request_limit_reached": "Too many requests",
    "request_refused": "The provider rejected the request",
    "redirect_refused": "A redirect was blocked",
    "not_a_stream": "No reply arrived",
    "broken_stream": "The reply couldn't be read",
    "stream_failed": "The provider stopped with an error",
    "model_not_allowed": "You can't use this model here",
}


def caption_of(reply: Reply, *, with_costs: bool = True) -> str:
    """E.g. "gpt-4 · 212 tokens · 0.2 s to first token · 84/s · $0.0031", with ~ for estimates."""
    tokens, tokens_text = tokens_of(reply)
    parts = [escaped(reply.model)]
    if tokens_text and with_costs:
        parts.append(tokens_text)
    first, whole = reply.first_token_seconds, reply.duration_seconds
    if first is not None and whole is not None:
        parts.append(f"{max(first, 0.1):.1f} s to first token")
        rate = reply.tokens_per_second(tokens)
        if rate is not None and rate >= 1:
            parts.append(f"{short(rate)}/s")
    if reply.cost_usd is not None and with_costs:
        parts.append(escaped(money(reply.cost_usd)))
    return " · ".join(parts)


def tokens_of(reply: Reply) -> tuple[int, str]:
    """How many tokens a reply has, and that in words: "212 tokens", "~1 token"; "" if there are none."""
    counted = reply.usage.completion_tokens if reply.usage else None
    tokens = estimate_tokens(reply.text + reply.reasoning) if counted is None else counted
    about = "~" if counted is None else ""
    return tokens, f"{about}{short(tokens)} {'token' if tokens == 1 else 'tokens'}" if tokens else ""


def draw_memory(turn: Turn, reply: Reply | None) -> None:
    """A line above the first turn the model was told of, and what it was told instead of those before."""
    if reply is None or reply.memory_from is None or reply.memory_from != turn.depth:
        return
    st.caption(
        ":material/history: The model's memory starts here",
        text_alignment="center",
        help="Messages above this line no longer fit the model's context window.",
    )
    if reply.summary:
        with st.expander("Summary of earlier messages", type="compact"):
            draw_text(reply.summary)


def draw_earlier(hidden: int, load: Callable[[str], None], conversation_id: str) -> None:
    """The way to the turns above the window."""
    if hidden:
        st.button(
            f"Show earlier messages ({hidden})",
            icon=":material/expand_less:",
            on_click=load,
            args=(conversation_id,),
            type="tertiary",
            width="stretch",
            key=f"earlier_{hidden}",
        )


def draw_later(
    hidden: int, load: Callable[[str], None], newest: Callable[[str], None], conversation_id: str
) -> None:
    """The way to the turns below the window."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.button(
            f"Show later messages ({hidden})",
            icon=":material/expand_more:",
            on_click=load,
            args=(conversation_id,),
            type="tertiary",
        )
        st.button(
            "Jump to latest",
            icon=":material/vertical_align_bottom:",
            on_click=newest,
            args=(conversation_id,),
            type="tertiary",
        )
