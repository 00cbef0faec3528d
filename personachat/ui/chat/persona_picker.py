"""The head of the chat page: the persona you talk to, with the chat's menu beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.errors import PersonaChatError, StoreUnavailable
from personachat.personas.persona import DEFAULT_PERSONA_ID, Persona
from personachat.personas.store.base import BrokenPersona, StoredPersona
from personachat.ui import addresses, faces, last_seen, script_runs, session
from personachat.ui.chat import menu, persona_finder
from personachat.ui.chat.state import PERSONA_CHOICE, TurnDialog, chat_state
from personachat.ui.chat.transcript import drawable
from personachat.ui.returning import ReturnedWidgets
from personachat.ui.wording import escaped

FIND, FIND_LABEL = "?", "Find another persona…"  # no id has a question mark


def draw() -> tuple[Persona | None, PersonaChatError | None, DeltaGenerator]:
    """Draw the head; returns the persona to talk to (None if there is none), errors, and a place.

    The place is for the model's name, which depends on the chat: see `model_line.draw_for_chat`. If the
    personas can't be read, they are as they were seen last.
    """
    everything, trouble = script_runs.once_a_run(_personas)
    persona, model_line = _draw(everything)
    return persona, trouble, model_line


def _personas() -> tuple[Sequence[StoredPersona | BrokenPersona], StoreUnavailable | None]:
    workspace = session.workspace()
    return last_seen.personas(workspace.personas, owner=workspace.owner)


def _draw(everything: Sequence[StoredPersona | BrokenPersona]) -> tuple[Persona | None, DeltaGenerator]:
    personas = {entry.id: entry.persona for entry in everything if isinstance(entry, StoredPersona)}
    if not personas:
        return None, st.container()
    addressed = addresses.followed(personas, session.remembered("persona"))
    wanted_id = session.remembered("persona")
    first = next(iter(personas))  # the default persona comes first
    choice = addressed.address if addressed else wanted_id if wanted_id in personas else first
    persona = addressed.persona if addressed else personas[choice]
    ids = persona_finder.choices(personas, also=(addresses.id_and_label(choice)[0], DEFAULT_PERSONA_ID))
    others = [FIND] if len(ids) < len(personas) else []
    offered = list(dict.fromkeys((*addresses.with_labels(ids), choice)))
    names = _names(offered, personas, persona)
    st.session_state[PERSONA_CHOICE] = choice
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.selectbox(
            "Persona",
            [*others, *offered],
            key=PERSONA_CHOICE,
            format_func=lambda name: FIND_LABEL if name == FIND else names[name],
            # In the closed field; the page draws the picture over it.
            icon=drawable(persona.avatar) or (":material/person:" if faces.thumb(persona.picture) else None),
            label_visibility="collapsed",
            on_change=_choose,
        )
        menu.draw(persona)
    model_line = st.container()
    if chat_state().finding_persona:
        persona_finder.ask(personas, _choose_match)
    if wanted_id and wanted_id != choice:
        draw_missing(wanted_id, persona, everything)
    else:
        session.talk_with(choice, is_default=choice == first)
    return persona, model_line


def avatars() -> dict[str, str]:
    """What each label that the picker offers stands for."""
    try:
        everything, _ = script_runs.once_a_run(_personas)
    except PersonaChatError:  # another part of the page reports the error
        return {}
    personas = {entry.id: entry.persona for entry in everything if isinstance(entry, StoredPersona)}
    also = (session.remembered("persona") or "", DEFAULT_PERSONA_ID)
    offered = persona_finder.choices(personas, also=also)
    named = addresses.with_labels(offered)
    faces.load(personas[each].picture for each in offered)
    icons = {
        each: faces.address(personas[each].picture) or drawable(personas[each].avatar) for each in offered
    }
    names = _names(named, personas, personas[offered[0]]) if named else {}
    return {names[name]: icons[addresses.id_and_label(name)[0]] for name in named}


def restore(widgets: ReturnedWidgets) -> None:
    """Reopen the search that a page that lost its session had open."""
    if widgets.any(persona_finder.SEARCH) and not widgets.mark("dialog", TurnDialog):
        chat_state().finding_persona = True


def _names(offered: Sequence[str], personas: Mapping[str, Persona], current: Persona) -> dict[str, str]:
    """The label of each choice; equal labels also get the address.

    A selection field tells its options apart only by their labels.
    """
    names = {name: _option(name, personas, current) for name in offered}
    count = Counter(names.values())
    return {name: f"{words} ({name})" if count[words] > 1 else words for name, words in names.items()}


def _option(name: str, personas: Mapping[str, Persona], current: Persona) -> str:
    """The label of a choice; `current` is the persona that answers if its file is broken."""
    persona_id, mark = addresses.id_and_label(name)
    words = label(personas.get(persona_id, current))
    return f"{words} · {mark}" if mark else words


def label(persona: Persona) -> str:
    return f"{persona.name} — {persona.description}" if persona.description else persona.name


def _choose() -> None:
    if st.session_state[PERSONA_CHOICE] == FIND:
        chat_state().finding_persona = True
    else:
        session.remember("persona", st.session_state[PERSONA_CHOICE])


def _choose_match(persona_id: str) -> None:
    persona_finder.close()
    session.remember("persona", persona_id)


def draw_missing(
    wanted_id: str, persona: Persona, everything: Sequence[StoredPersona | BrokenPersona]
) -> None:
    """Say that the persona of the link doesn't exist, and why."""
    broken = any(
        isinstance(each_persona, BrokenPersona) and each_persona.id == wanted_id
        for each_persona in everything
    )
    why = "can't be used because its file has an error" if broken else "doesn't exist or was deleted"
    st.warning(
        f"The persona “{escaped(wanted_id[:80])}” {why}. {escaped(persona.name)} answers instead.",
        icon=":material/person_off:",
    )
