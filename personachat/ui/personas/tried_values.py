"""Test values for the placeholders of a draft, which Try out uses instead of the persona's defaults."""

from __future__ import annotations

import streamlit as st

from personachat.personas import macros
from personachat.personas.persona import Persona
from personachat.personas.variables import Variable, declared
from personachat.ui import value_fields
from personachat.ui.wording import counted
from personachat.variables import is_name

MOST_FIELDS = 20


def values_of(persona_id: str, persona: Persona) -> dict[str, str]:
    """The values that were entered for a persona's variables."""
    values = {each.name: st.session_state.get(_key(persona_id, each.name)) for each in _fields(persona)}
    return {name: str(value) for name, value in values.items() if value}


def draw(persona_id: str, persona: Persona) -> None:
    """A field for each name; an empty one means the default."""
    fields = _fields(persona)
    count = len(values_of(persona_id, persona))
    label = f"Test values ({count} set)" if count else "Test values"
    with st.expander(label, icon=":material/data_object:", key=f"try_values_{persona_id}"):
        for each in fields:
            value_fields.draw(each, key=_key(persona_id, each.name), empty="Stays as written")
        st.caption(
            f"Values for {counted(len(fields), 'placeholder')} in this chat only. Set the defaults "
            "under Variables in the prompt's form."
        )


def _fields(persona: Persona) -> list[Variable]:
    """The user, the declared variables, and names in the prompt that nothing fills."""
    own = list(declared(persona))
    names = {each.name.lower() for each in own}
    user = [] if "user" in names else [Variable("user", "User", "The name of the person in the chat.")]
    texts = (persona.system_prompt, persona.greeting)
    loose = dict.fromkeys(name for text in texts for name in macros.unknown(text))
    loose_variables = [Variable(name) for name in loose if is_name(name) and name.lower() not in names]
    return [*user, *own, *loose_variables][:MOST_FIELDS]


def _key(persona_id: str, name: str) -> str:
    return f"try_value.{persona_id}.{name.lower()}"
