"""Whose conversations a browser session sees.

A person who is logged in is known by their account. A person at the server's own machine is the local owner,
as in the terminal and the API there: their browser uses a loopback name, from a page of that exact origin.
Any other browser gets a random id in a cookie, of which only a hash is stored: whoever has the cookie is the
owner. A program that reaches the server through a forwarder on this machine can claim to be a local browser,
and nothing can tell them apart. Operators of a forwarder switch local access off.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from personachat.access import RequestOrigin
from personachat.accounts.identity import Identity, of_claims, of_header, of_host
from personachat.accounts.person import Person, Role, local_person
from personachat.errors import DatabaseDamaged, DatabaseUnavailable, LoginNeeded
from personachat.services import built_services, get_services
from personachat.settings import Settings, load_settings, people_log_in
from personachat.ui import address, script_runs

_BROWSER_ID = "browser_id"

COOKIE = "personachat_browser"
YEAR_SECONDS = 365 * 24 * 3600
JUDGED_FOR_SECONDS = 2.0
WATCHED_EVERY_SECONDS = 5.0

_RANDOM = re.compile(r"[A-Za-z0-9_-]{32,64}")
_LOOPBACK = "127.0.0.1"

_SET_COOKIE = """<script>
document.cookie = {cookie} + (location.protocol === "https:" ? "; Secure" : "");
</script>"""


def current_owner() -> str:
    """The owner of this session's work; the same in every tab of a browser and after a refresh.

    Raises LoginNeeded, and what the database raises if it can't say whether a login is still valid.
    """
    return current_person().key


def current_person() -> Person:
    """The person using this session, checked again in every run. Raises what `current_owner` raises.

    Runs that directly follow each other share the answer for a moment.
    """
    judgement = script_runs.once(_Judgement)
    moment = time.monotonic()
    if judgement.person is None or moment - judgement.at > JUDGED_FOR_SECONDS:
        judgement.person = _judged()
        judgement.at = moment
    return judgement.person


def judge_anew() -> None:
    """Check again in this run: a callback has changed who it is, after the first check."""
    script_runs.once(_Judgement).person = None


def judged_later() -> Callable[[], Person]:
    """A function that tells who is using this session when it is called, even outside a run.

    It checks the login again. Raises what `current_owner` raises, now and then.
    """
    identity, person = current_identity(), current_person()
    if identity is None or not _people_log_in():
        return lambda: person
    return lambda: get_services().admit(identity)


def still_acts_as(before: Person) -> bool:
    """Whether the same person is still using this session, with no fewer rights."""
    services = built_services()
    if not (services and services.accounts):
        return True
    try:
        person = current_person()
    except (LoginNeeded, DatabaseUnavailable, DatabaseDamaged):
        return False
    same = (person.key, person.email) == (before.key, before.email)
    return same and person.role.includes(before.role) and person.groups >= before.groups


class LoginWatch:
    """Ends a long run, such as one that follows a reply, once its login has ended.

    The reply doesn't belong to the page: it continues to its end and is kept. The page shows the login
    instead.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + WATCHED_EVERY_SECONDS

    def look(self) -> None:
        """Cheap enough to check with every frame."""
        moment = time.monotonic()
        if moment < self._next:
            return
        self._next = moment + WATCHED_EVERY_SECONDS
        services = built_services()
        if not (services and services.accounts):
            return
        try:
            current_person()
        except LoginNeeded:
            st.rerun()
        except (DatabaseUnavailable, DatabaseDamaged):
            return  # the next click reports it


@dataclass(slots=True)
class _Judgement:
    person: Person | None = None
    at: float = 0.0


def _judged() -> Person:
    identity = current_identity()
    if identity is not None:
        if _people_log_in():
            return get_services().admit(identity)
        return Person(identity.key, Role.EDITOR, identity.name)
    if is_local():
        return local_person()
    if _settings().require_login:
        raise LoginNeeded("You need to log in here.", hint="Log in to chat with the personas.")
    return Person(browser_owner(), Role.READER)


def browser_owner() -> str:
    """The owner of what this browser does while nobody is logged in."""
    return f"browser:{_hashed(_browser_id())}"


def owner_before_login() -> str | None:
    """The owner of what this browser did before someone logged in; None if it did nothing."""
    cookie = str(st.context.cookies.get(COOKIE, ""))
    return f"browser:{_hashed(cookie)}" if _RANDOM.fullmatch(cookie) else None


def current_identity() -> Identity | None:
    """The person whom the login, the proxy or the host of this app names, whatever their rights."""
    settings = _settings()
    if settings.trusted_user_header and address.api_is_served():  # or nobody checks where it comes from
        value = st.context.headers.get(settings.trusted_user_header)
        named = of_header(str(value).strip()) if value else None
        if named:
            return named
    user = dict(st.user)  # read once: Streamlit looks for its files of secrets each time
    if user.get("is_logged_in"):
        return of_claims({str(name): value for name, value in user.items()})
    email = user.get("email")
    if email and not address.api_is_served() and settings.require_login:
        return of_host(str(email))  # Community Cloud admits viewers of a private app by their address
    return None


def is_local() -> bool:
    """Whether someone at this machine has the page open, and local access is on."""
    if _must_log_in_here():
        return False
    return _is_near()


def _must_log_in_here() -> bool:
    """Whether being at this machine isn't enough: a proxy on it would look the same."""
    settings = _settings()
    return bool(settings.require_login or settings.trusted_user_header) and not settings.trust_loopback


def _settings() -> Settings:
    services = built_services()
    return services.settings if services else load_settings()


def _people_log_in() -> bool:
    services = built_services()
    return services.accounts if services else people_log_in(load_settings())


def _is_near() -> bool:
    """Whether the browser runs on this machine, with nothing in between."""
    headers = dict(st.context.headers.items())
    address = st.context.ip_address or _LOOPBACK  # Streamlit returns None for loopback
    if not headers:  # no browser: a script that runs by itself, or a thread without a page
        return st.context.ip_address is None and not script_runs.is_beside_pages()
    if _nobody_is_local():
        return False
    request_origin = RequestOrigin.by(headers.items(), client=address, server=_LOOPBACK)
    return (
        request_origin.locally and request_origin.origin is not None
    )  # browsers never leave it out of a WebSocket's handshake


def _nobody_is_local() -> bool:
    """Whether the operator explicitly says so."""
    return _settings().trust_loopback is False


def _browser_id() -> str:
    cookie = str(st.context.cookies.get(COOKIE, ""))
    if _RANDOM.fullmatch(cookie):
        return cookie
    # The cookie is sent from the next connection on; until then the session remembers it.
    return str(st.session_state.setdefault(_BROWSER_ID, secrets.token_urlsafe(32)))


def draw_cookie() -> None:
    """Give the browser its id if it needs one and has none."""
    fresh = st.session_state.get(_BROWSER_ID)
    if fresh and st.context.cookies.get(COOKIE) != fresh:
        cookie = f"{COOKIE}={fresh}; Max-Age={YEAR_SECONDS}; Path=/; SameSite=Lax"
        st.html(_SET_COOKIE.format(cookie=json.dumps(cookie)), unsafe_allow_javascript=True)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
