"""A persona's greetings, to page through in an empty chat; the chat begins with the visible one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import streamlit as st

from personachat.chat.turns import openings
from personachat.messages import ChatMessage
from personachat.personas.persona import Persona
from personachat.ui.chat.state import chat_state
from personachat.ui.chat.transcript import draw_text
from personachat.ui.faces import face
from personachat.ui.wording import heard


def draw(persona: Persona) -> None:
    """The greeting of the next chat, and arrows to the others, e.g. 2/3."""
    words = openings(persona, seed=_seed())
    if not words:
        return
    with st.chat_message("assistant", avatar=face(persona)):
        draw_text(words[_choice(persona.id) % len(words)])
        if len(words) > 1:
            _draw_steps(persona.id, len(words))


def begun_with(persona: Persona) -> Sequence[ChatMessage]:
    """What an empty chat with this persona begins with."""
    words = openings(persona, seed=_seed())
    chat_state().greeting_seed = ""  # the next chat gets another seed
    return [ChatMessage("assistant", words[_choice(persona.id) % len(words)])] if words else ()


def _seed() -> str:
    """The seed for random macros in greetings, so that what is shown is what is sent."""
    here = chat_state()
    here.greeting_seed = here.greeting_seed or uuid4().hex
    return here.greeting_seed


def _choice(persona_id: str) -> int:
    return chat_state().greetings.get(persona_id, 0)


def _choose(persona_id: str, number: int) -> None:
    chat_state().greetings[persona_id] = number


def _draw_steps(persona_id: str, count: int) -> None:
    at = _choice(persona_id) % count
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _draw_step("previous", "chevron_left", persona_id, (at - 1) % count)
        st.caption(f"{at + 1}/{count}", width="content")
        _draw_step("next", "chevron_right", persona_id, (at + 1) % count)


def _draw_step(which: str, icon: str, persona_id: str, number: int) -> None:
    st.button(
        heard(f"{which.title()} greeting"),
        icon=f":material/{icon}:",
        help=f"{which.title()} greeting",
        type="tertiary",
        key=f"{which}_greeting",
        on_click=_choose,
        args=(persona_id, number),
    )
