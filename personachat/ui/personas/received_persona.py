"""A persona that came by a link: shown as plain text, and saved only if the person accepts it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from personachat.authoring.imports import Choice, ImportPlan, PlannedImport
from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.token_estimates import estimate_tokens
from personachat.ui import notices, session
from personachat.ui.chat.transcript import drawable
from personachat.ui.faces import draw as draw_face
from personachat.ui.personas import import_plan
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import as_text, counted, error_text

_CHAT = "chat_with_received"

PROMPT_PIXELS = 260
RECEIVED = "received"
TEXT_PIXELS = 400

MOST_COLOURED_CHARACTERS = 50_000
"""Characters; colouring more would keep the browser busy."""

_ACCEPT: Mapping[Choice, str] = {
    "mine": "Add to my personas",
    "theirs": "Replace mine",
    "both": "Keep both",
}


def plan() -> ImportPlan:
    """What the address of this page carries. Raises LinkInvalid, ShareNotFound, PersonaInvalid."""
    collection = session.workspace().collection
    token = st.query_params.get("token")
    return collection.plan_share(token) if token else collection.plan_link(st.query_params.get("persona", ""))


def draw(plan: ImportPlan) -> None:
    """Draw the persona and the question."""
    item = plan.items[0]
    added = personas_state().accepted.get(_link())
    _draw_persona(item.arrival.persona, here=bool(added) or item.action == "unchanged")
    _draw_text(item.arrival.text)
    if added:
        st.success("It is one of your personas now.", icon=":material/check:")
        with st.container(horizontal=True):
            if st.button("Chat with it", type="primary", icon=":material/chat:", key=_CHAT):
                st.switch_page("pages/chat.py", query_params={"persona": added})
            if st.button("Open in the editor", icon=":material/edit:", key="edit_received"):
                st.switch_page("pages/personas.py", query_params={"id": added})
        return
    if item.action == "unchanged":
        st.info("You already have this persona.", icon=":material/check:")
        if st.button("Chat with it", type="primary", icon=":material/chat:", key=_CHAT):
            st.switch_page("pages/chat.py", query_params={"persona": item.id})
        return
    _draw_question(plan, item)


def _draw_persona(persona: Persona, *, here: bool) -> None:
    if draw_face(persona, width=96):
        st.title(as_text(persona.name), anchor=False)
    else:
        st.title(f"{drawable(persona.avatar)} {as_text(persona.name)}", anchor=False)
    yet = "" if here else " Nothing has been saved or sent."
    st.caption(f":material/link: Somebody shared this persona with you.{yet}")
    if persona.description:
        st.markdown(as_text(persona.description))
    st.caption(
        f"{as_text(persona.model)} · temperature {persona.temperature:g} · "
        f"prompt of about {counted(estimate_tokens(persona.system_prompt), 'token')}"
    )
    st.markdown("**System prompt**")
    st.code(persona.system_prompt, language=None, wrap_lines=True, height=PROMPT_PIXELS)
    for label, text in (
        ("Tone", persona.personality.tone),
        ("Style", persona.personality.style),
        ("Formality", persona.personality.formality),
    ):
        if text:
            st.markdown(f"**{label}** {as_text(text)}")
    if persona.greeting:
        st.markdown("**Greeting**")
        st.code(persona.greeting, language=None, wrap_lines=True)
    if persona.starters:
        st.markdown("**Starters**")
        st.markdown("\n".join(f"- {as_text(starter)}" for starter in persona.starters))


def _draw_text(text: str) -> None:
    """Everything that would be saved, including examples, other greetings and extensions."""
    with st.expander("Complete persona", icon=":material/data_object:"):
        language = "json" if len(text) <= MOST_COLOURED_CHARACTERS else None
        st.code(text, language=language, wrap_lines=True, height=TEXT_PIXELS)


def _draw_question(plan: ImportPlan, item: PlannedImport) -> None:
    choices: dict[str, Choice] = {}
    if item.action != "new":
        st.warning(
            f"You already have a different persona with the id `{item.id}`.", icon=":material/call_split:"
        )
        choices = import_plan.draw_plan(plan, key=RECEIVED)
    choice, why_not = choices.get(item.id, item.proposed), session.why_not_edit()
    with st.container(horizontal=True):
        st.button(
            "Add to my personas" if item.action == "new" else _ACCEPT[choice],
            type="primary",
            icon=":material/add:",
            key="accept_received",
            disabled=choice == "mine" or bool(why_not),
            help=why_not or ("First choose what to do with yours." if choice == "mine" else None),
            on_click=_accept,
            args=(plan,),
        )
        if st.button("No, thanks", key="refuse_received"):
            st.switch_page("pages/chat.py")
    for notice in notices.take("page"):
        st.error(notice.text, title=notice.title, icon=notice.icon)


def _accept(plan: ImportPlan) -> None:
    choices = import_plan.choices_of(plan, key=RECEIVED)
    (outcome,) = session.workspace().collection.carry_out(plan, choices)
    if outcome.error:
        notices.say_not_done(outcome.error, title="The persona couldn't be added")
    elif outcome.saved:
        personas_state().accepted[_link()] = outcome.saved.id


def _link() -> str:
    """The digest by which the session remembers that it was accepted."""
    return st.query_params.get("token") or st.query_params.get("persona", "")


def draw_refused(error: PersonaChatError) -> None:
    """For an incomplete, invalid or revoked link."""
    st.info(error_text(error), title="This link contains no persona", icon=":material/link_off:")
    st.page_link("pages/personas.py", label="Personas", icon=":material/groups:")
