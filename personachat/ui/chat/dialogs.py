"""The dialogs of the chat page. Each is opened by `turn_actions.ask`, one per run."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation, Turn
from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.store.base import StoredPersona
from personachat.services import Services
from personachat.ui import forecast_view, open_tabs, session
from personachat.ui.chat import actions, chat_settings, costs, inspector, persona_finder, values
from personachat.ui.chat.chat_settings import LISTING_SECONDS, OWN_MODEL
from personachat.ui.chat.state import chat_state
from personachat.ui.dialogs import dialog
from personachat.ui.faces import DEFAULT_AVATAR
from personachat.ui.tests import saving
from personachat.ui.wording import distinct, error_text

PERSONA, MODEL = "regenerate_persona", "regenerate_model"


def draw_open_dialog(services: Services, conversation: Conversation | None, persona: Persona) -> None:
    """Open the requested dialog, if any."""
    open_dialog = actions.open_dialog()
    if open_dialog is None or chat_state().finding_persona:  # only one dialog can be open
        return
    open_tabs.leave()  # another run closes the dialog, and closing it starts one
    path = conversation.path if conversation else ()
    turn = next((turn for turn in path if turn.id == open_dialog.turn_id), None)
    if turn and open_dialog.dialog in {"regenerate", "save_test", "copy"}:
        _draw_of_turn(services, open_dialog.dialog, turn, conversation)
    elif open_dialog.dialog == "next":
        show_next(conversation, persona)
    elif open_dialog.dialog == "request":
        show_request(open_dialog.turn_id)
    elif open_dialog.dialog == "costs" and conversation:
        show_costs(conversation.id, open_dialog.turn_id)
    elif open_dialog.dialog == "forecast":
        show_forecast(services, conversation, values.applied(persona, conversation))
    elif open_dialog.dialog == "values" and conversation:
        values.show(persona, conversation)
    elif open_dialog.dialog == "settings":
        chat_settings.show(services, persona, conversation)


def _draw_of_turn(services: Services, name: str, turn: Turn, conversation: Conversation | None) -> None:
    if name == "regenerate":
        show_regenerate(services, turn, default=chat_settings.current(conversation).model or OWN_MODEL)
    elif name == "save_test":
        saving.show(turn)
    else:
        show_words(turn)


@st.dialog("What was sent", width="large", icon=":material/data_object:", on_dismiss="rerun")
def show_request(turn_id: str) -> None:
    try:
        request = session.workspace().inspection.sent_request(turn_id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    if request is None:
        st.info(
            "Nothing was sent for this message, or the request is no longer available.",
            icon=":material/info:",
        )
    else:
        inspector.draw(request)


@st.dialog("What will be sent next", width="large", icon=":material/data_object:", on_dismiss="rerun")
def show_next(conversation: Conversation | None, persona: Persona) -> None:
    try:
        request = session.workspace().inspection.next(
            conversation.id if conversation else None,
            persona.id,
            inspector.SAMPLE,
            offline=session.is_offline_chosen(),
            variables=values.form_values(persona, conversation),
            settings=chat_settings.current(conversation),
        )
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    st.caption(f"“{inspector.SAMPLE}” stands in for your next message.")
    inspector.draw(request)


@st.dialog("Cost of this chat", width="medium", icon=":material/receipt_long:", on_dismiss="rerun")
def show_costs(conversation_id: str, turn_id: str) -> None:
    costs.draw(conversation_id, turn_id=turn_id)


@dialog(
    "Estimate for the next message",
    icon=":material/calculate:",
    on_dismiss=actions.close_dialog,
)
def show_forecast(services: Services, conversation: Conversation | None, persona: Persona) -> None:
    forecast_view.draw(services, conversation, persona)


@dialog("Regenerate with", icon=":material/swap_horiz:", on_dismiss=actions.close_dialog, alone=True)
def show_regenerate(services: Services, turn: Turn, *, default: str) -> None:
    """Choose who answers instead, beside the existing reply; `default` is the chat's current persona."""
    everything = session.workspace().personas.all()
    personas = {entry.id: entry.persona for entry in everything if isinstance(entry, StoredPersona)}
    if not personas:
        return
    ids = persona_finder.narrowed(personas, also=(turn.persona_id,))
    if not ids:
        return
    names = distinct({persona_id: personas[persona_id].name for persona_id in ids})
    st.selectbox(
        "Persona",
        ids,
        index=ids.index(turn.persona_id) if turn.persona_id in ids else 0,
        format_func=lambda persona_id: names[persona_id],
        icon=DEFAULT_AVATAR,
        key=PERSONA,
    )
    offered = services.model_names.all(wait_seconds=LISTING_SECONDS).names
    models = sorted({personas[persona_id].model for persona_id in ids} | set(offered), key=str.casefold)
    st.selectbox(
        "Model",
        list(dict.fromkeys([default, *models])),
        accept_new_options=True,
        key=MODEL,
        help="Choose one or enter the name of any model that your provider offers.",
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Regenerate",
            type="primary",
            icon=":material/refresh:",
            key=f"{actions.OTHER}{turn.id}",
            on_click=_regenerate,
            args=(turn.id,),
        )


def _regenerate(turn_id: str) -> None:
    persona_id, model = st.session_state.get(PERSONA), st.session_state.get(MODEL)
    actions.close_dialog()
    actions.regenerate(
        turn_id, persona_id=persona_id, model=None if model in {None, OWN_MODEL} else str(model)
    )


@st.dialog("Copy", icon=":material/content_copy:", on_dismiss="rerun")
def show_words(turn: Turn) -> None:
    """The text to copy by hand if the browser doesn't let a page do it."""
    st.caption("Your browser blocks copying from this page. Use the copy button to the right of the text.")
    st.code(turn.text, language=None, wrap_lines=True, height=inspector.CODE_PIXELS)
