"""A page that comes back without its session: what it sends is given to a new one as a browser does."""

from __future__ import annotations

import json

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from personachat.conversations.model import Conversation
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from tests.pages.conftest import HOME, OpenPage
from tests.pages.conversing import converse


def lose_session(at: AppTest) -> AppTest:
    """Run what was done last on a page in a session that knows nothing of it."""
    states = at._tree.get_widget_states()
    states.widgets.extend(unsent(at))
    return come_back(at, states)


def come_back(at: AppTest, states: WidgetStates) -> AppTest:
    new = AppTest.from_file(str(HOME), default_timeout=60)
    new._page_hash = new._finished_page_script_hash = at._finished_page_script_hash
    for name, value in at.query_params.items():
        new.query_params[name] = value
    new._run(states)
    assert not new.exception
    return new


def unsent(at: AppTest) -> list[WidgetState]:
    """What a browser sends of the editor and of tabs, which AppTest does not."""
    found = []
    for key, widget_id in at._session_state._state._key_id_mapper._key_id_mapping.items():
        if key not in at.session_state:
            continue
        if key.startswith("ace-"):
            found.append(WidgetState(id=widget_id, json_value=json.dumps(at.session_state[key])))
        elif key in {"persona_tab", "create_tab"}:
            found.append(WidgetState(id=widget_id, string_value=at.session_state[key]))
    return found


def said(at: AppTest) -> str:
    shown = [*at.warning, *at.markdown, *at.caption, *at.code, *at.toast, *at.info]
    return " ".join(str(getattr(each, "value", "")) for each in shown)


def conversation(conversation_id: str) -> Conversation:
    return get_services().of(LOCAL_OWNER).chat.conversation(conversation_id)


def click(at: AppTest, key: str) -> None:
    at.button(key=key).click()


def open_personas(open_home: OpenPage, persona_id: str) -> AppTest:
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = persona_id
    at.session_state["persona_tab"] = "JSON"
    at.run()
    assert not at.exception
    return at


def stored(persona_id: str) -> str:
    return get_services().personas.get(persona_id).persona.system_prompt


def write(at: AppTest, text: str) -> None:
    """What the editor reports after typing."""
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()


def type_prompt(at: AppTest, words: str) -> None:
    at.session_state["persona_tab"] = "Prompt"
    at.run()
    next(area for area in at.text_area if area.label == "System prompt").set_value(words).run()


def converse_here(open_home: OpenPage, title: str = "Medlars") -> str:
    open_home()
    return converse(title)


def undo(at: AppTest) -> AppTest:
    next(button for button in at.button if button.label == "Undo").click()
    return lose_session(at)
