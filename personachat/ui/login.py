"""Logging in: the page for people who have to, and who is logged in and Log out in the sidebar.

Every run checks the login again wherever an owner is needed. This module only shows the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import streamlit as st
from streamlit.errors import Error as StreamlitError

from personachat.accounts.person import Person, Role
from personachat.accounts.person_pictures import initials_of
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    LoginNeeded,
    PersonaChatError,
)
from personachat.history.moving import LeftBehind
from personachat.providers.ways_on import SECRETS_PANEL, on_community_cloud
from personachat.services import get_services
from personachat.settings import login_providers
from personachat.ui import faces, owner, script_runs, session
from personachat.ui.wording import counted, error_text, escaped

_LOGOUT = "logout"
_ACCOUNT = "account"

ROLES = {Role.READER: "Reader", Role.EDITOR: "Editor", Role.ADMIN: "Admin"}

_KEY = "login_state"
_WHOSE = "login_whose"


@dataclass(slots=True)
class LoginState:
    """What a session remembers about logging in."""

    failure: str = ""
    """Why the last login failed; shown once."""
    left_behind: LeftBehind | None = None
    """What this browser has that can be moved to the account; None until it is counted."""


def _state() -> LoginState:
    return cast("LoginState", st.session_state.setdefault(_KEY, LoginState()))


def trouble() -> PersonaChatError | None:
    """Why nothing can be shown to the person using this session; None if everything can."""
    session.services()  # if there are none, it says why
    try:
        person = owner.current_person()
    except (LoginNeeded, DatabaseUnavailable, DatabaseDamaged) as error:
        return error
    _forget_anybody_else(person.key)
    return None


@contextmanager
def ends_meanwhile() -> Iterator[None]:
    """Draw the page again, with the login in its place, if a login ends while the page is drawn."""
    try:
        yield
    except LoginNeeded:
        st.rerun()


def _forget_anybody_else(key: str) -> None:
    """Start afresh if this session belonged to another account before.

    An open page reconnects by itself, with the session it had and as whoever is logged in then.
    """
    before = st.session_state.get(_WHOSE)
    if before and before != key:
        for name in tuple(st.session_state):
            with suppress(KeyError):  # which ends `clear` halfway
                del st.session_state[name]
        st.query_params.clear()
    if key.startswith("user:"):
        st.session_state[_WHOSE] = key


def draw(why: PersonaChatError) -> None:
    """The page shown instead of all others."""
    script_runs.draw_for(None, acts_still=owner.still_acts_as)
    _, middle, _ = st.columns([1, 2, 1])
    with middle, st.container(key="login"):
        st.title("PersonaChat", anchor=False)
        if not isinstance(why, LoginNeeded):
            st.error(error_text(why), title="Your login can't be checked", icon=":material/database_off:")
            st.button("Try again", icon=":material/refresh:")
            return
        if why.refused:
            st.error(error_text(why), title="No access", icon=":material/block:")
            _draw_who()
        else:
            st.info(error_text(why), icon=":material/login:")
        _draw_ways_in(again=why.refused)


def _draw_who() -> None:
    identity = owner.current_identity()
    if identity:
        st.caption(f"You are logged in as {escaped(identity.email or identity.name)}.")


def _draw_ways_in(*, again: bool) -> None:
    if again and st.user.get("is_logged_in"):
        st.button("Log out", icon=":material/logout:", on_click=_log_out, key=_LOGOUT)
        return
    providers = login_providers()
    for name in providers:
        words = f"Log in with {escaped(name.replace('-', ' ').title())}" if name else "Log in"
        st.button(
            words,
            icon=":material/login:",
            type="primary",
            width="stretch",
            key=_login_key(name),
            on_click=_log_in,
            args=(name,),
        )
    if not providers:
        st.caption("The server in front of PersonaChat logs people in, but it didn't say who you are.")
    here = _state()
    if here.failure:
        st.error(here.failure, icon=":material/error:")
        here.failure = ""


def _log_in(provider: str) -> None:
    try:
        st.login(provider or None)
    except StreamlitError:
        _state().failure = f"The login isn't set up completely. {_what_login_needs()}"


def _what_login_needs() -> str:
    if on_community_cloud():
        where = f"in {SECRETS_PANEL}, and Authlib in requirements.txt"
        return f"It needs all values of the \\[auth\\] table {where}."
    return (
        "The person who runs this server needs all values in the \\[auth\\] table and the package for it: "
        "`pip install 'personachat[auth]'`."
    )


def draw_account() -> None:
    """Who is logged in, at the end of the sidebar; nothing if nobody logs in here."""
    services = get_services()
    if not services.accounts:
        return
    person = owner.current_person()
    identity = owner.current_identity()
    if identity is None:
        if person.is_known:
            return
        with st.container(key=_ACCOUNT, horizontal=True):
            for name in login_providers():
                words = f"Log in with {escaped(name.replace('-', ' ').title())}" if name else "Log in"
                st.button(
                    words, icon=":material/login:", key=_login_key(name), on_click=_log_in, args=(name,)
                )
        return
    _offer_to_take_along(person)
    name = person.name or person.email or "Account"
    with (
        st.container(key=_ACCOUNT),
        st.popover(f"{_portrait(person)} {escaped(name[:60])}", width="stretch"),
    ):
        _draw_person(person, ends=identity.ends)


def _portrait(person: Person) -> str:
    """Their picture or initials, for a label."""
    picture = get_services().person_pictures.of(person.key)
    url = faces.address_of(picture, f"person-{person.key}") if picture else ""
    if url:
        return f"![]({url})"
    initials = initials_of(person.name or person.email)
    return f":blue-badge[{escaped(initials)}]" if initials else ":material/account_circle:"


def _draw_person(person: Person, *, ends: bool) -> None:
    st.markdown(f"**{escaped(person.name or person.email)}**")
    if person.email and person.email != person.name:
        st.caption(escaped(person.email))
    st.caption(f"Role: {ROLES[person.role]}")
    st.page_link("pages/account.py", label="Account and API tokens", icon=":material/manage_accounts:")
    if not ends:
        return
    st.button("Log out", icon=":material/logout:", on_click=_log_out, key=_LOGOUT, width="stretch")
    st.button(
        "Log out everywhere",
        icon=":material/devices:",
        on_click=_log_out_everywhere,
        key="logout_everywhere",
        width="stretch",
        help="On every device and in every browser you have logged in with until now",
    )


def _log_out() -> None:
    """End this login for other tabs and copied cookies too, and make the browser forget it."""
    identity = owner.current_identity()
    if identity and identity.issued_at is not None:
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            get_services().seen_people.end_login(identity.key, identity.issued_at)
    owner.judge_anew()
    st.logout()


def _log_out_everywhere() -> None:
    get_services().seen_people.sign_out_everywhere(owner.current_owner())
    owner.judge_anew()
    st.logout()


# --- what was begun before the login ------------------------------------------------------------------


def _offer_to_take_along(person: Person) -> None:
    """Offer to move what this browser has, once per session and only if there is something."""
    here = _state()
    if here.left_behind is None:
        here.left_behind = _left_behind()
    left_behind = here.left_behind
    if not left_behind:
        return
    with st.container(key="take_along", border=True):
        st.caption(f"This browser still has {what_is_left(left_behind)} from before you logged in.")
        with st.container(horizontal=True):
            st.button(
                "Move to my account",
                icon=":material/move_to_inbox:",
                key="take_along_yes",
                on_click=_take_along,
                args=(person.key,),
            )
            st.button("Not now", type="tertiary", key="take_along_no", on_click=_leave_behind)


def what_is_left(left_behind: LeftBehind) -> str:
    """E.g. "2 chats, 1 draft and 3 favourites"."""
    counts = (
        (left_behind.chats, "chat"),
        (left_behind.drafts, "draft"),
        (left_behind.favourites, "favourite"),
    )
    parts = [counted(number, noun) for number, noun in counts if number]
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _left_behind() -> LeftBehind:
    before = owner.owner_before_login()
    try:
        return get_services().left_behind(before) if before else LeftBehind()
    except (DatabaseUnavailable, DatabaseDamaged):
        return LeftBehind()


def _take_along(key: str) -> None:
    before = owner.owner_before_login()
    if before and key == owner.current_owner():
        get_services().take_along(before, key)
    _leave_behind()


def _leave_behind() -> None:
    _state().left_behind = LeftBehind()


def _login_key(name: str) -> str:
    """The key of the button that logs in there."""
    return f"login_{name}"
