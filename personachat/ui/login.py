"""The way in: the page for whoever has to log in, and in the sidebar who is logged in and the way out.

Every run judges a login anew, wherever an owner is asked for; this only shows what came of it.
"""

from __future__ import annotations

import streamlit as st
from streamlit.errors import Error as StreamlitError

from personachat.accounts.person import Person, Role
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    LoginNeeded,
    PersonaChatError,
)
from personachat.services import get_services
from personachat.settings import login_providers
from personachat.ui import owner, session
from personachat.ui.wording import counted, error_text, escaped, heard

ROLES = {Role.READER: "Reader", Role.EDITOR: "Editor", Role.ADMIN: "Admin"}


def trouble() -> PersonaChatError | None:
    """Why nothing can be shown to whoever has this session open; None where everything can."""
    session.services()  # where there are none it says why
    try:
        owner.current_person()
    except (LoginNeeded, DatabaseUnavailable, DatabaseDamaged) as error:
        return error
    return None


def draw(why: PersonaChatError) -> None:
    """The page instead of all others."""
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
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout")
        return
    providers = login_providers()
    for name in providers:
        words = f"Log in with {escaped(name.replace('-', ' ').title())}" if name else "Log in"
        st.button(
            words,
            icon=":material/login:",
            type="primary",
            width="stretch",
            key=f"login_{name}",
            on_click=_log_in,
            args=(name,),
        )
    if not providers:
        st.caption("The server in front of PersonaChat logs people in. It has not said who you are.")
    if failed := st.session_state.pop("login_failed", None):
        st.error(failed, icon=":material/error:")


def _log_in(provider: str) -> None:
    try:
        st.login(provider or None)
    except StreamlitError:
        st.session_state["login_failed"] = (
            "The login isn't set up completely. The person who runs this server needs all values in the "
            "[auth] table and the package for it: pip install 'personachat[auth]'."
        )


def draw_account() -> None:
    """Who is logged in, at the end of the sidebar; nothing where nobody logs in."""
    services = get_services()
    if not services.accounts:
        return
    person = owner.current_person()
    identity = owner.current_identity()
    if identity is None:
        if person.is_known:
            return
        with st.container(key="account", horizontal=True):
            for name in login_providers():
                words = f"Log in with {escaped(name.replace('-', ' ').title())}" if name else "Log in"
                st.button(words, icon=":material/login:", key=f"login_{name}", on_click=_log_in, args=(name,))
        return
    _offer_to_take_along(person)
    name = person.name or person.email or "Account"
    with (
        st.container(key="account"),
        st.popover(escaped(name[:60]), icon=":material/account_circle:", width="stretch"),
    ):
        _draw_person(person, ends=identity.ends)


def _draw_person(person: Person, *, ends: bool) -> None:
    st.markdown(f"**{escaped(person.name or person.email)}**")
    if person.email and person.email != person.name:
        st.caption(escaped(person.email))
    st.caption(f"Role: {ROLES[person.role]}")
    st.page_link("pages/account.py", label="Account and API tokens", icon=":material/manage_accounts:")
    if not ends:
        return
    st.button("Log out", icon=":material/logout:", on_click=st.logout, key="logout", width="stretch")
    st.button(
        "Log out everywhere",
        icon=":material/devices:",
        on_click=_log_out_everywhere,
        key="logout_everywhere",
        width="stretch",
        help="On every device and in every browser you have logged in with until now",
    )


def _log_out_everywhere() -> None:
    get_services().seen_people.sign_out_everywhere(owner.current_owner())
    st.logout()


# --- what was begun before the login ------------------------------------------------------------------


def _offer_to_take_along(person: Person) -> None:
    """Offer the chats of this browser, once a session and only where there are some."""
    if "taken_along" not in st.session_state:
        st.session_state["taken_along"] = _count_left_behind()
    count = st.session_state["taken_along"]
    if not count:
        return
    with st.container(key="take_along", border=True):
        st.caption(f"This browser has {counted(count, 'chat')} from before you logged in.")
        with st.container(horizontal=True):
            st.button(
                heard("Move them to my account"),
                icon=":material/move_to_inbox:",
                key="take_along_yes",
                on_click=_take_along,
                args=(person.key,),
            )
            st.button("Not now", type="tertiary", key="take_along_no", on_click=_leave_behind)


def _count_left_behind() -> int:
    before = owner.owner_before_login()
    try:
        return get_services().conversations_of(before) if before else 0
    except (DatabaseUnavailable, DatabaseDamaged):
        return 0


def _take_along(key: str) -> None:
    before = owner.owner_before_login()
    if before and key == owner.current_owner():
        get_services().take_along(before, key)
    st.session_state["taken_along"] = 0


def _leave_behind() -> None:
    st.session_state["taken_along"] = 0
