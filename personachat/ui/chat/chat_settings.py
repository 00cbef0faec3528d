"""The chat's own model and parameters: a line under the model's name, and a dialog to change them.

The conversation stores them. Until the first message is sent, the session does.
"""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.personas import limits
from personachat.personas.chat_settings import TRAITS, ChatSettings, stored_settings
from personachat.personas.persona import Persona
from personachat.services import Services
from personachat.ui import session
from personachat.ui.chat import actions
from personachat.ui.chat.state import chat_state
from personachat.ui.dialogs import dialog
from personachat.ui.wording import escaped

NAME = "Settings of this chat"
OWN_MODEL = "Persona's default model"
AS_IN_PERSONA = "As in the persona"

LISTING_SECONDS = 1.0
"""Seconds that the dialog waits for the providers' lists of models, which are then cached."""

_KEY = "chat_setting."
"""Prefix of the keys of the dialog's fields."""


def current(conversation: Conversation | None) -> ChatSettings:
    """The settings of a chat, or of the one that is about to begin."""
    return stored_settings(conversation.settings) if conversation else chat_state().settings_of_next


def settings_text(settings: ChatSettings) -> str:
    """The settings in a few words; plain text."""
    parts = [settings.model] if settings.model is not None else []
    if settings.temperature is not None:
        parts.append(f"Temperature {settings.temperature:g}")
    if settings.top_p is not None:
        parts.append(f"Top P {settings.top_p:g}")
    if settings.max_tokens is not None:
        parts.append(f"{settings.max_tokens:,} tokens")
    for name in TRAITS:
        value = getattr(settings, name)
        if value is not None:
            parts.append(f"{name.capitalize()}: {value[:20] or 'none'}")
    return " · ".join(parts)


def draw_line(conversation: Conversation | None) -> None:
    """What applies in this chat only, and a button to change it; nothing if all is as in the persona."""
    settings = current(conversation)
    if settings:
        st.button(
            f"Only in this chat: {escaped(settings_text(settings))}",
            icon=":material/tune:",
            type="tertiary",
            key="chat_settings",
            on_click=actions.ask,
            args=("settings",),
        )


def _close() -> None:
    """Close the dialog; it opens again with what is saved by then."""
    for key in [key for key in st.session_state if str(key).startswith(_KEY)]:
        del st.session_state[key]
    actions.close_dialog()


@dialog(NAME, icon=":material/tune:", on_dismiss=_close)
def show(services: Services, persona: Persona, conversation: Conversation | None) -> None:
    """Change what applies from the next reply on, whichever persona answers."""
    settings = current(conversation)
    offered = services.model_names.all(wait_seconds=LISTING_SECONDS).names
    models = list(dict.fromkeys([*([settings.model] if settings.model else []), *offered]))
    st.selectbox(
        "Model",
        models,
        index=0 if settings.model else None,
        accept_new_options=True,
        placeholder=f"{OWN_MODEL}: {persona.model}",
        key=f"{_KEY}model",
        help="Choose one or enter the name of any model that your provider offers.",
    )
    numbers, traits = st.columns(2)
    with numbers:
        _draw_number("Temperature", "temperature", 0.0, limits.TEMPERATURE, settings.temperature)
        _draw_number("Top P", "top_p", 0.0, 1.0, settings.top_p)
        st.number_input(
            "Max tokens",
            1,
            limits.REPLY_TOKENS,
            settings.max_tokens,
            key=f"{_KEY}max_tokens",
            placeholder=AS_IN_PERSONA,
        )
    with traits:
        for name in TRAITS:
            st.text_input(
                name.capitalize(),
                getattr(settings, name) or "",
                max_chars=limits.TRAIT,
                key=f"{_KEY}{name}",
                placeholder=AS_IN_PERSONA,
            )
    st.caption("Used from the next reply on, whichever persona answers. The persona itself doesn't change.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if settings:
            st.button(
                "Reset to the persona's settings",
                icon=":material/restart_alt:",
                key="reset_chat_settings",
                on_click=_keep,
                args=(conversation, ChatSettings()),
            )
        st.button(
            "Save",
            type="primary",
            icon=":material/check:",
            key="save_chat_settings",
            on_click=_save,
            args=(conversation,),
        )


def _draw_number(label: str, name: str, least: float, most: float, value: float | None) -> None:
    st.number_input(
        label,
        least,
        most,
        value if value is None else float(value),
        step=0.1,
        key=f"{_KEY}{name}",
        placeholder=AS_IN_PERSONA,
    )


def _save(conversation: Conversation | None) -> None:
    before = current(conversation)
    values = {name: st.session_state.get(f"{_KEY}{name}") for name in ChatSettings.model_fields}
    for name in TRAITS:  # an empty field means the persona's own value, unless a trait was set to none
        if not str(values[name] or "").strip():
            values[name] = "" if getattr(before, name) == "" else None
    values["model"] = str(values["model"] or "").strip()[: limits.MODEL] or None
    _keep(conversation, ChatSettings(**values))


def _keep(conversation: Conversation | None, settings: ChatSettings) -> None:
    with actions.errors_as_notice():
        if conversation:
            session.workspace().chat.adjust(conversation.id, settings)
        else:
            chat_state().settings_of_next = settings
        _close()
