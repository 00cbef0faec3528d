"""The frame that all pages share: the sidebar, and one way to report errors."""

from __future__ import annotations

from base64 import b64encode
from contextlib import nullcontext

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from personachat.accounts import persona_access
from personachat.errors import DatabaseUnavailable, PersonaChatError, StoreUnavailable
from personachat.settings import APP
from personachat.ui import (
    browser_messages,
    dismissals,
    live_fields,
    login,
    marks,
    owner,
    page_behaviour,
    returning,
    script_runs,
    session,
    sidebar,
)
from personachat.ui.chat import actions as turn_actions
from personachat.ui.chat import persona_picker, storage_notice
from personachat.ui.history import actions, dialogs
from personachat.ui.history import state as library_state
from personachat.ui.owner import draw_cookie
from personachat.ui.personas import desk, kept_drafts, returned_desk, templates
from personachat.ui.wording import error_text, unmarked

ICON = f"data:image/png;base64,{b64encode((APP / 'pages' / 'icon.png').read_bytes()).decode()}"
"""Neither its path nor its bytes: Streamlit would open the picture twice in every run.

It also hashes messages that contain it. From 2,048 bytes on Python does that without its lock, and must then
wait for it.
"""

CLOSE_ON_A_PHONE = """<script>
/* {arrival} */ if (window.innerWidth < 768)
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
</script>"""
"""On narrower screens the sidebar covers the page."""


RESTORES: tuple[returning.Restore, ...] = (
    library_state.restore,
    returned_desk.restore,
    persona_picker.restore,
    turn_actions.restore,
    templates.restore,
)


def _open(page: StreamlitPage) -> dict[str, object]:
    """What is open on this page and would be lost with the session."""
    here = {"": turn_actions.marks, "personas": returned_desk.marks}.get(page.url_path, dict)
    return library_state.marks() | here() | templates.marks()


def begin() -> None:
    """Call it before anything is drawn. It reopens what a page that lost its session had open."""
    script_runs.let_callbacks_finish()
    browser_messages.take_only_what_pages_ask()
    live_fields.read_pauses_lightly()
    script_runs.draw_for(owner.current_person(), acts_still=owner.still_acts_as)
    returning.begin(*RESTORES, settle=returned_desk.settle)
    desk.take_typed()
    kept_drafts.keep()


def draw(*, here: str) -> tuple[str, dict[str, str]] | None:
    """Draw what surrounds the page `here`; or only a redirect, if another page is wanted."""
    session.services()  # if there are none, the main page says why, not the sidebar
    page_name = library_state.wanted_page()
    if page_name and page_name[0] != here:
        return page_name
    arrival = library_state.arrive() if page_name else None
    with st.sidebar:
        with st.container(gap="xsmall", key="sidebar_head"):  # it stays visible
            st.button(
                "New chat",
                icon=":material/add_comment:",
                shortcut="Alt+N",
                on_click=_begin_chat,
                width="stretch",
                key="new_chat",
            )
            st.button(
                "Search",
                icon=":material/search:",
                shortcut="Alt+K",
                help="Search all conversations",
                on_click=library_state.ask_for_search,
                width="stretch",
                key="search_conversations",
            )
        if here != "history":  # which reports the error where the person clicked
            sidebar.draw_outcome()
        sidebar.draw(here=here)
        login.draw_account()
        draw_cookie()
        dismissals.draw_cookie()
        if arrival:
            script = CLOSE_ON_A_PHONE.format(arrival=arrival)
            st.html(script, unsafe_allow_javascript=True)
    dialogs.draw()
    return None


def _begin_chat() -> None:
    session.new_chat()
    library_state.go_to("chat")


def name_tab(title: str) -> None:
    """Name the browser's tab after what the page shows, in either writing direction."""
    st.set_page_config(page_title=" · ".join(filter(None, (unmarked(title), "PersonaChat"))))


def run(page: StreamlitPage) -> None:
    """Run a page. An unexpected error of a service is reported in a sentence."""
    returning.draw_not_done()
    avatars = {} if page.url_path else persona_picker.avatars()
    page_behaviour.draw(
        choose_in_row=actions.choose_in_row,
        choose_in_turn=turn_actions.choose_in_turn,
        turn_menu=() if page.url_path else tuple(turn_actions.MENU),
        avatars=avatars,
    )
    marks.draw(_open(page))
    if page.url_path:  # the chat page is named after the chat
        name_tab(page.title)
    is_many = page.url_path == "personas"  # it checks the person's rights for every row and button
    try:
        with persona_access.read_once() if is_many else nullcontext():
            page.run()
    except (DatabaseUnavailable, StoreUnavailable) as error:
        storage_notice.draw_unreachable(error, "Something went wrong")
    except PersonaChatError as error:
        st.error(error_text(error), title="Something went wrong", icon=":material/error:")
