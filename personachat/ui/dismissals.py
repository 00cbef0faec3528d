"""Notices that somebody has read and dismissed: they stay away in this browser, in every tab, for good."""

from __future__ import annotations

import json
from typing import Literal, TypeAlias, get_args

import streamlit as st

from personachat.ui.wording import heard

_DISMISSED = "dismissed"

Notice: TypeAlias = Literal["offline", "short_lived"]

COOKIE = "personachat_dismissed"
YEAR_SECONDS = 365 * 24 * 3600

_SET_COOKIE = "<script>document.cookie = {cookie};</script>"


def is_dismissed(notice: Notice) -> bool:
    return notice in _names()


def dismiss(notice: Notice) -> None:
    """Dismiss the notice. `draw_cookie` tells the browser in the same run."""
    st.session_state[_DISMISSED] = {*_names(), notice}


def draw(notice: Notice, text: str) -> None:
    """The notice, and a button that dismisses it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.caption(text, width="stretch")
        st.button(
            heard("Dismiss"),
            icon=":material/close:",
            help="Dismiss",
            type="tertiary",
            on_click=dismiss,
            args=(notice,),
            key=f"dismiss_{notice}",
        )


def draw_cookie() -> None:
    """Make the browser remember what was dismissed in this session."""
    here = st.session_state.get(_DISMISSED)
    if here and here != _remembered():
        cookie = f"{COOKIE}={'.'.join(sorted(here))}; Max-Age={YEAR_SECONDS}; Path=/; SameSite=Lax"
        st.html(_SET_COOKIE.format(cookie=json.dumps(cookie)), unsafe_allow_javascript=True)


def _names() -> set[str]:
    return set(st.session_state.get(_DISMISSED, ())) | _remembered()


def _remembered() -> set[str]:
    """The dismissed notices that the browser sent when it connected."""
    digests = str(st.context.cookies.get(COOKIE, "")).split(".")
    return {name for name in digests if name in get_args(Notice)}
