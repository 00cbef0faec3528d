"""Every page goes through Home.py, even if it is opened by its own address.

Until `st.navigation` has been called once in a process, Streamlit treats the files in `pages/` as its own
menu and runs the requested one alone, without Home.py and its frame. Only this code depends on undocumented
parts of Streamlit here.
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
    """Make Streamlit leave the files in `pages/` to Home.py.

    Call it once per process, before the first visitor.
    """
    PagesManager.uses_pages_directory = False


def require_home() -> None:
    """Start over with Home.py if this page was run without it; the first line of a page.

    Once per session is enough, and more would cost a click: AppTest runs pages without Home.py every time.
    """
    if PagesManager.uses_pages_directory and _SENT_HOME not in st.session_state:
        st.session_state[_SENT_HOME] = True
        close_side_door()
        st.rerun()


def page(path: str, **options: Any) -> StreamlitPage:
    """Like `st.Page`, which checks for the file: once here, not in every run of every session.

    Each run gets a page of its own, because Streamlit marks the one that it runs.
    """
    context = get_script_run_ctx()
    if context is None:  # nobody runs the script, so nothing can be cached
        return st.Page(path, **options)
    page_key = (str(context.pages_manager.main_script_parent), path)
    if page_key not in _pages:
        _pages[page_key] = st.Page(path, **options)
    return copy(_pages[page_key])
