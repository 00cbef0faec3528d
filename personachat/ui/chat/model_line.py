"""The line below the persona: which model answers, and why if it isn't the persona's own."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.errors import ProviderError
from personachat.personas.chat_settings import with_settings
from personachat.personas.persona import Persona
from personachat.providers.registry import ModelChoice
from personachat.services import Services
from personachat.settings import LOCAL
from personachat.ui import dismissals, session
from personachat.ui.chat import chat_settings
from personachat.ui.wording import error_text, escaped


def draw_for_chat(services: Services, persona: Persona, conversation: Conversation | None) -> None:
    """The model that answers in this chat, and the chat's own settings, if it has any."""
    draw(services, with_settings(persona, chat_settings.current(conversation)))
    chat_settings.draw_line(conversation)


def draw(services: Services, persona: Persona) -> None:
    """The model that answers, and why if it isn't the persona's own."""
    try:
        answering = services.models.answering(persona.model, offline=session.is_offline_chosen())
    except ProviderError as error:
        st.caption(f":material/error: {error_text(error)}")
        return
    if session.is_offline_chosen():
        draw_chosen_offline(answering, persona)
    elif answering.provider.name == LOCAL:
        draw_offline(answering)
    else:
        model = f"{answering.model} · {answering.provider.name}"
        st.caption(f":material/smart_toy: {escaped(model)}  {escaped(answering.reason)}".rstrip())


def draw_chosen_offline(answering: ModelChoice, persona: Persona) -> None:
    """The offline model answers because the person chose it; a button switches back."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/cloud_off: **{escaped(answering.model)} · offline.** {escaped(answering.reason)}",
            width="content",
        )
        st.button(
            f"Switch back to {escaped(persona.model)}",
            type="tertiary",
            on_click=session.choose_offline,
            args=(False,),
            key="leave_offline",
        )


def draw_offline(answering: ModelChoice) -> None:
    """Which offline model answers, and until that is dismissed, how to connect a larger one."""
    why = answering.reason or "This persona uses the offline model."
    if dismissals.is_dismissed("offline"):
        st.caption(f":material/cloud_off: {escaped(answering.model)} · offline", help=escaped(why))
        return
    dismissals.draw(
        "offline",
        f":material/cloud_off: **{escaped(answering.model)} · offline.** {escaped(why)} "
        "To connect a larger model, set `OPENAI_API_KEY` or `OPENAI_BASE_URL`.",
    )
