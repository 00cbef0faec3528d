"""Every page comes through Home.py, also one that is asked for by its own address.

Until `st.navigation` has been called once in a process, Streamlit takes the files in `pages/` for a menu of
its own and runs the one of the address alone, without Home.py and its frame. Nothing else here touches what
Streamlit does not document.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SENT_HOME = "sent_home"

_pages: dict[tuple[str, str], StreamlitPage] = {}


def close_side_door() -> None:
    """Make Streamlit leave the files in `pages/` to Home.py; once per process, before the first visitor."""
    PagesManager.uses_pages_directory = False


def require_home() -> None:
    """Start over with Home.py if this page was run without it; the first line of a page.

    Once per session is enough, and more would cost a click: AppTest opens the side door before every run.
    """
    if PagesManager.uses_pages_directory and _SENT_HOME not in st.session_state:
        st.session_state[_SENT_HOME] = True
        close_side_door()
        st.rerun()


def page(path: str, **options: Any) -> StreamlitPage:
    """As `st.Page`, which looks for the file: here once, not in every run of every session.

    Each run gets a page of its own, because Streamlit marks the one that it runs.
    """
    context = get_script_run_ctx()
    if context is None:  # nobody runs the script: there is nothing that could be kept
        return st.Page(path, **options)
    page_key = (str(context.pages_manager.main_script_parent), path)
    if page_key not in _pages:
        _pages[page_key] = st.Page(path, **options)
    return copy(_pages[page_key])
