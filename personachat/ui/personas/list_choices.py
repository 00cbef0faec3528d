"""How the person likes the list of personas, and their tab: stored in this browser.

It is a cookie with short words. Values that are no longer offered are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

import streamlit as st

from personachat.ui.personas.state import personas_state

COOKIE = "personachat_personas"
YEAR_SECONDS = 365 * 24 * 3600

_SET_COOKIE = "<script>document.cookie = {cookie};</script>"


def restore(offered: Mapping[str, Sequence[str]]) -> None:
    """Begin with the last choices; `offered` are the values that a key of the session may have."""
    for key, value in _remembered().items():
        if key not in st.session_state and value in offered.get(key, ()):
            st.session_state[key] = value


def draw_cookie(keys: Sequence[str]) -> None:
    """Make the browser store the current choices under these keys of the session."""
    choices = personas_state().list_choices or _remembered()
    here = {key: str(st.session_state[key]) for key in keys if st.session_state.get(key) is not None}
    if here.items() <= choices.items():
        return
    now = {**choices, **here}
    personas_state().list_choices = now
    cookie = f"{COOKIE}={quote(json.dumps(now))}; Max-Age={YEAR_SECONDS}; Path=/; SameSite=Lax"
    st.html(_SET_COOKIE.format(cookie=json.dumps(cookie)), unsafe_allow_javascript=True)


def _remembered() -> dict[str, str]:
    """What the browser said when it connected."""
    try:
        choices = json.loads(unquote(str(st.context.cookies.get(COOKIE, "{}"))))
    except ValueError:
        return {}
    if not isinstance(choices, dict):
        return {}
    return {str(key): value for key, value in choices.items() if isinstance(value, str)}
