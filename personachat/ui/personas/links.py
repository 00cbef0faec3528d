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
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.snippets import LANGUAGES, snippet
from personachat.ui.wording import error_text


@dialog("Share", icon=":material/share:", on_dismiss=editing.close_question)
def ask_share(open_persona: OpenPersona) -> None:
    """A link that contains the persona, one to chat with it, and a short one that can be revoked."""
    if open_persona.draft:
        st.caption(":material/edit: The saved version is shared without your unsaved edits.")
    for notice in notices.take("page"):
        st.error(notice.text, title=notice.title, icon=notice.icon)
    try:
        collection = session.workspace().collection
        link, share = collection.link(open_persona.id), collection.shared(open_persona.id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    st.markdown(
        "**Link that contains the persona.** Anyone who opens it can read all of it, including the "
        "prompt, and sees it before anything is saved."
    )
    if link.persona:
        st.code(address.page("received", persona=link.persona), language=None, wrap_lines=True, height=96)
        st.caption(
            "It works in any PersonaChat if you put that server's address in front. It can't be revoked."
        )
    else:
        st.caption("This persona is too long for this kind of link. Use a short link instead.")
    _draw_short(open_persona.id, share)
    st.markdown("**Link to chat with it** here, for people who can open this server.")
    st.code(address.page("", persona=open_persona.id), language=None, wrap_lines=True)


def _draw_short(persona_id: str, share: PersonaShare | None) -> None:
    why_not = session.why_not_edit()
    st.markdown("**Short link.** This server stores it, and you can revoke it.")
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
            "Update to the current version",
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
            help="The link stops working permanently.",
            on_click=_revoke,
            args=(persona_id,),
        )


@dialog("Use it elsewhere", width="large", icon=":material/code:", on_dismiss=editing.close_question)
def ask_snippet(open_persona: OpenPersona) -> None:
    """How to call it from a shell, from Python and from JavaScript."""
    here = address.api()
    if here is None:
        st.info(
            "Only the pages are running. Start PersonaChat with `personachat` to get the API as well.",
            icon=":material/cloud_off:",
        )
        here = "http://127.0.0.1:8501/api"
    persona = open_persona.saved_persona
    message = persona.starters[0] if persona and persona.starters else "Hello"
    for tab, (language, colours) in zip(st.tabs(list(LANGUAGES)), LANGUAGES.items(), strict=True):
        code = snippet(language, address=here, persona_id=open_persona.id, message=message)
        tab.code(code, language=colours, wrap_lines=True)
    st.caption(
        "On this machine no token is needed. On other machines, set PERSONACHAT_TOKEN to one of the "
        f"server's PERSONACHAT_API_TOKENS. The reply arrives as events; see [the API's page]({here}/docs)."
    )


def _share(persona_id: str) -> None:
    try:
        session.workspace().collection.share(persona_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The link couldn't be created")


def _revoke(persona_id: str) -> None:
    try:
        session.workspace().collection.revoke(persona_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The link couldn't be revoked")
