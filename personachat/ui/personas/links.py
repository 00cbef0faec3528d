"""Sharing the open persona by a link, and calling it from other programs."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.store.shares import PersonaShare
from personachat.ui import address, notices, session
from personachat.ui.dates import ago, exact, viewer_zone
from personachat.ui.dialogs import dialog
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import Opened
from personachat.ui.personas.snippets import LANGUAGES, snippet
from personachat.ui.wording import error_text


@dialog("Share", icon=":material/share:", on_dismiss=editing.close_question)
def ask_share(found: Opened) -> None:
    """A link that carries the persona, one to chat with it, and a short one that can be revoked."""
    if found.draft:
        st.caption(":material/edit: The saved version is shared, without your unsaved edits.")
    for notice in notices.take("page"):
        st.error(notice.text, title=notice.title, icon=notice.icon)
    try:
        collection = session.workspace().collection
        link, share = collection.link(found.id), collection.shared(found.id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    st.markdown(
        "**A link that carries the persona.** Whoever opens it can read all of it, the prompt included, and "
        "sees it before anything is saved."
    )
    if link.persona:
        st.code(address.page("received", persona=link.persona), language=None, wrap_lines=True, height=96)
        st.caption("It works in any PersonaChat whose address you put in front, and cannot be taken back.")
    else:
        st.caption("This persona is too long for an address. A short link can carry it.")
    _draw_short(found.id, share)
    st.markdown("**A link to chat with it** here, for people who can open this server.")
    st.code(address.page("", persona=found.id), language=None, wrap_lines=True)


def _draw_short(persona_id: str, share: PersonaShare | None) -> None:
    why_not = session.why_not_edit()
    st.markdown("**A short link,** which this server keeps and you can revoke.")
    if share is None:
        st.button(
            "Create short link",
            icon=":material/add_link:",
            key="create_persona_link",
            disabled=bool(why_not),
            help=why_not,
            on_click=_share,
            args=(persona_id,),
        )
        return
    zone = viewer_zone()
    st.code(address.page("received", token=share.token), language=None, wrap_lines=True)
    st.caption(
        f"Shows the persona as it was {ago(share.created_at, now=datetime.now(UTC), zone=zone)}.",
        help=exact(share.created_at, zone=zone),
    )
    with st.container(horizontal=True):
        st.button(
            "Show the version of now",
            icon=":material/refresh:",
            key="renew_persona_link",
            disabled=bool(why_not),
            help=why_not,
            on_click=_share,
            args=(persona_id,),
        )
        st.button(
            "Revoke",
            icon=":material/link_off:",
            key="revoke_persona_link",
            help="The link shows nothing any more, for good.",
            on_click=_revoke,
            args=(persona_id,),
        )


@dialog("Use it elsewhere", width="large", icon=":material/code:", on_dismiss=editing.close_question)
def ask_snippet(found: Opened) -> None:
    """How to call it from a shell, from Python and from JavaScript."""
    here = address.api()
    if here is None:
        st.info(
            "Only the pages are served here. Start it with `personachat` to have the API beside them.",
            icon=":material/cloud_off:",
        )
        here = "http://127.0.0.1:8501/api"
    persona = found.saved_persona
    message = persona.starters[0] if persona and persona.starters else "Hello"
    for tab, (language, colours) in zip(st.tabs(list(LANGUAGES)), LANGUAGES.items(), strict=True):
        code = snippet(language, address=here, persona_id=found.id, message=message)
        tab.code(code, language=colours, wrap_lines=True)
    st.caption(
        "On this machine no token is needed. From elsewhere set PERSONACHAT_TOKEN to one of the server's "
        f"PERSONACHAT_API_TOKENS. The reply comes as events; [the API's page]({here}/docs) has the rest."
    )


def _share(persona_id: str) -> None:
    try:
        session.workspace().collection.share(persona_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The link was not made")


def _revoke(persona_id: str) -> None:
    try:
        session.workspace().collection.revoke(persona_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The link was not revoked")
