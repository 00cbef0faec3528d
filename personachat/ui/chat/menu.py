"""The chat's menu: new chat, clear, temporary, settings, the next request and the keyboard shortcuts."""

from __future__ import annotations

import streamlit as st

from personachat.personas.persona import Persona
from personachat.personas.variables import declared
from personachat.ui import open_tabs, session
from personachat.ui.chat import actions as turn_actions
from personachat.ui.chat import chat_settings
from personachat.ui.chat.state import chat_state
from personachat.ui.wording import heard

MENU = "chat_menu"
NEW, CLEAR, EDIT = "New chat", "Clear this chat", "Edit this persona"
TEMPORARY, SAVED = "Temporary chat", "Save this chat"
VALUES = "Values of this chat"
REQUEST, SHORTCUTS = "Show the next request", "Keyboard shortcuts"
THEME = "Theme and print"  # the page's own script opens Streamlit's menu, which isn't visible beside this one

KEYS = """
| Key | Does |
|---|---|
| `Enter` | Send the message |
| `Shift` + `Enter` | Start a new line |
| `/` | Go to the message box |
| `Alt` + `P` | Pause the reply, or resume it |
| `Esc` | Close a dialog or menu, cancel an edit, or stop the reply |
| `Ctrl` + `Enter` | Save an edit or a note |
| `Alt` + `N` | New chat |
| `Alt` + `K` | Search all conversations |
"""


def draw(persona: Persona) -> None:
    not_begun = SAVED if session.is_temporary_chosen() else TEMPORARY
    here = CLEAR if session.remembered("chat") else not_begun
    values = [VALUES] if declared(persona) and session.remembered("chat") else []
    actions = [NEW, here, EDIT, chat_settings.NAME, *values, REQUEST, THEME, SHORTCUTS]
    action = st.menu_button(
        heard("More"),
        actions,
        icon=":material/more_vert:",
        help="More",
        type="tertiary",
        key=MENU,
        on_click=_act,
    )
    if action == EDIT:
        st.switch_page("pages/personas.py", query_params={"id": persona.id})
    elif action == SHORTCUTS:
        show_shortcuts()


def _act() -> None:
    action, conversation_id = st.session_state[MENU], session.remembered("chat")
    if action == NEW:
        session.new_chat()
    elif action in {TEMPORARY, SAVED}:
        session.choose_temporary(action == TEMPORARY)
    elif action == VALUES:
        turn_actions.ask("values")
    elif action == chat_settings.NAME:
        turn_actions.ask("settings")
    elif action == REQUEST:
        turn_actions.ask("next")
    elif action == CLEAR and conversation_id:
        leaf_id = session.workspace().chat.clear(conversation_id)
        session.moved_on(conversation_id)
        chat_state().cleared = leaf_id


@st.dialog(SHORTCUTS, on_dismiss="rerun")
def show_shortcuts() -> None:
    open_tabs.leave()  # another run closes the dialog, and closing it starts one
    st.markdown(KEYS)
