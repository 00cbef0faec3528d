"""Whose conversations a browser session sees.

Somebody who is logged in is known by their account. Whoever sits at the server's own machine is the local
owner, as in the terminal and over the API there: a browser that asks by a loopback name, from a page of that
very origin. Any other browser gets a random id in a cookie, of which only a hash is ever stored: who has the
cookie is the owner. A program that reaches us through a forwarder on this machine can say that it is such a
browser, and nothing tells the two apart: whoever runs one says that nobody is local.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from functools import cache

import streamlit as st

from personachat.access import RequestOrigin
from personachat.owners import LOCAL_OWNER
from personachat.settings import load_settings

COOKIE = "personachat_browser"
YEAR_SECONDS = 365 * 24 * 3600

_RANDOM = re.compile(r"[A-Za-z0-9_-]{32,64}")
_LOOPBACK = "127.0.0.1"

_SET_COOKIE = """<script>
document.cookie = {cookie} + (location.protocol === "https:" ? "; Secure" : "");
</script>"""


def current_owner() -> str:
    """The owner of what this session does; the same in every tab of a browser, and after a refresh."""
    if st.user.get("is_logged_in"):
        account = st.user.get("sub") or st.user.get("email")
        if account:  # a subject is one at its issuer alone
            return "user:" + _hashed(f"{st.user.get('iss', '')} {account}")
    if _is_near():
        return LOCAL_OWNER
    return f"browser:{_hashed(_browser_id())}"


def is_local() -> bool:
    """Whether somebody at this machine has the page open, logged in or not."""
    return _is_near()


def _is_near() -> bool:
    """Whether the browser runs on this machine, and nobody stands between."""
    headers = dict(st.context.headers.items())
    address = st.context.ip_address or _LOOPBACK  # Streamlit says None of loopback
    if not headers:
        return st.context.ip_address is None  # no browser, but a script that is run by itself
    if _nobody_is_local():
        return False
    asked = RequestOrigin.by(headers.items(), client=address, server=_LOOPBACK)
    return (
        asked.locally and asked.origin is not None
    )  # browsers never leave it out of a WebSocket's handshake


@cache
def _nobody_is_local() -> bool:
    """Whether the operator says so, which is more than not saying the contrary."""
    return load_settings().trust_loopback is False


def _browser_id() -> str:
    given = str(st.context.cookies.get(COOKIE, ""))
    if _RANDOM.fullmatch(given):
        return given
    # The cookie counts from the next connection on; until then the session remembers.
    return str(st.session_state.setdefault("browser_id", secrets.token_urlsafe(32)))


def draw_cookie() -> None:
    """Give the browser its id, where it needs one and has none."""
    fresh = st.session_state.get("browser_id")
    if fresh and st.context.cookies.get(COOKIE) != fresh:
        cookie = f"{COOKIE}={fresh}; Max-Age={YEAR_SECONDS}; Path=/; SameSite=Lax"
        st.html(_SET_COOKIE.format(cookie=json.dumps(cookie)), unsafe_allow_javascript=True)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
