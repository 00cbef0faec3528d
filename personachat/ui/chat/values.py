"""What a persona's variables stand for in a chat: a form before its first message, and a dialog after it.

The conversation keeps the values. Until the first message is sent the fields of this session hold them.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.conversations.variables import merged
from personachat.errors import MessageInvalid
from personachat.personas.chat_settings import with_settings
from personachat.personas.persona import Persona
from personachat.personas.variables import declared, missing, with_values
from personachat.ui import session, value_fields
from personachat.ui.chat import actions, chat_settings
from personachat.ui.dialogs import dialog
from personachat.ui.wording import counted, escaped

_REQUIRED = "Required"
_FIRST, _LATER = "chat_value.first", "chat_value.later"
"""What the keys of the form's fields begin with, and of the dialog's."""
_SAVED_VALUES = f"{_LATER}.shown"
"""The values that were kept when the dialog opened."""


def draw_form(persona: Persona, conversation: Conversation | None) -> None:
    """The fields of a chat in which nothing has been said yet, where the persona has variables."""
    if not declared(persona):
        return
    with st.container(border=True, key="chat_values"):
        st.caption(f"{escaped(persona.name)} uses these values in every reply of this chat.")
        _draw_fields(persona, conversation, fields=_FIRST)


def form_values(persona: Persona, conversation: Conversation | None) -> dict[str, str]:
    """What the fields of the form hold; of a chat that goes on nothing: it keeps what it was given."""
    return {} if conversation and conversation.path else _typed_values(persona, conversation, fields=_FIRST)


def applied(persona: Persona, conversation: Conversation | None) -> Persona:
    """The persona with the values and the settings of the chat as they are now."""
    own = with_settings(persona, chat_settings.current(conversation))
    return with_values(own, _now(persona, conversation))


def check(persona: Persona, conversation: Conversation | None) -> None:
    """Raises MessageInvalid if a variable stands for nothing; the way to fill it is then on the page."""
    lacking = missing(persona, _now(persona, conversation))
    if not lacking:
        return
    names = [f"“{each.name}”" for each in lacking[:3]]
    if len(lacking) > 3:
        names.append(counted(len(lacking) - 3, "more value"))
    *others, last = names
    fields = f"{', '.join(others)} and {last}" if others else last
    is_one = len(lacking) == 1
    if conversation and conversation.path:
        actions.ask("values")
    raise MessageInvalid(
        f"{persona.name} needs {'a value' if is_one else 'values'} for {fields}.",
        hint=f"Fill {'it' if is_one else 'them'} in, then send your message again.",
    )


def forget(persona: Persona, conversation: Conversation | None) -> None:
    """The first message was sent: the next chat begins with empty fields."""
    for each in declared(persona):
        st.session_state.pop(_key(_FIRST, conversation, persona, each.name), None)


def _close() -> None:
    """Close the dialog; when it opens again it shows what is kept by then."""
    for key in [key for key in st.session_state if str(key).startswith(f"{_LATER}.")]:
        del st.session_state[key]
    actions.close_dialog()


@dialog("Values of this chat", icon=":material/data_object:", on_dismiss=_close)
def show(persona: Persona, conversation: Conversation) -> None:
    """Change what the variables stand for from the next reply on."""
    saved_values = st.session_state.setdefault(_SAVED_VALUES, dict(conversation.variables))
    _draw_fields(persona, conversation, fields=_LATER)
    st.caption("Used from the next reply on. Earlier messages stay as they are.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Save",
            type="primary",
            icon=":material/check:",
            key="save_values",
            on_click=_save,
            args=(persona, conversation, saved_values),
        )


def _save(persona: Persona, conversation: Conversation, saved_values: Mapping[str, str]) -> None:
    """Keep what was changed here, and no more: another tab may have changed the rest."""
    values = _typed_values(persona, conversation, fields=_LATER)
    changed = {name: value for name, value in values.items() if value != saved_values.get(name.lower(), "")}
    with actions.errors_as_notice():
        if changed:
            session.workspace().chat.give(conversation.id, changed)
        _close()


def _draw_fields(persona: Persona, conversation: Conversation | None, *, fields: str) -> None:
    before = conversation.variables if conversation else {}
    for each in declared(persona):
        key = _key(fields, conversation, persona, each.name)
        value_fields.draw(each, key=key, value=before.get(each.name.lower(), ""), empty=_REQUIRED)


def _typed_values(persona: Persona, conversation: Conversation | None, *, fields: str) -> dict[str, str]:
    keys = {each.name: _key(fields, conversation, persona, each.name) for each in declared(persona)}
    values = ((name, st.session_state.get(key)) for name, key in keys.items())
    return {name: str(value).strip() for name, value in values if value is not None}


def _now(persona: Persona, conversation: Conversation | None) -> dict[str, str]:
    return merged(conversation.variables if conversation else {}, form_values(persona, conversation))


def _key(fields: str, conversation: Conversation | None, persona: Persona, name: str) -> str:
    return f"{fields}.{conversation.id if conversation else ''}.{persona.id}.{name.lower()}"
