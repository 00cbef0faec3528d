"""The dialogs about one conversation: rename, share, export."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.history.listing import ConversationSummary
from personachat.history.sharing import Share
from personachat.stamps import now
from personachat.ui import address, dialogs, notices, session
from personachat.ui.dates import ago, exact, viewer_zone
from personachat.ui.history import actions, files
from personachat.ui.history import state as library_state
from personachat.ui.wording import as_text, error_text

TITLE_FIELD = "conversation_title"
MOST_TITLE_CHARACTERS = 200

TITLES = {"rename": "Rename", "share": "Share a link", "export": "Export"}
ICONS = {"rename": ":material/edit:", "share": ":material/share:", "export": ":material/download:"}


def draw() -> None:
    """Draw the open dialog, if any."""
    dialog = library_state.open_dialog()
    if dialog is None:
        return
    if dialog.opened_in != session.remembered("chat"):
        library_state.close_dialog()
        return
    title, icon = TITLES[dialog.kind], ICONS[dialog.kind]
    with dialogs.frame(title, icon=icon, on_dismiss=library_state.close_dialog):
        for notice in notices.take("conversations"):
            st.warning(notice.text, icon=notice.icon)
        try:
            library = session.workspace().library
            summary = library.summary(dialog.conversation_id)
            if dialog.kind == "rename":
                _draw_rename(summary)
            elif dialog.kind == "share":
                _draw_share(summary, library.share_of(summary.id))
            else:
                _draw_export(summary)
        except PersonaChatError as error:
            st.error(error_text(error), icon=":material/error:")


def _draw_rename(summary: ConversationSummary) -> None:
    with st.form("rename", border=False):
        st.text_input("Title", summary.title, key=TITLE_FIELD, max_chars=MOST_TITLE_CHARACTERS, required=True)
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.form_submit_button(
                "Rename",
                type="primary",
                icon=":material/check:",
                on_click=actions.rename,
                args=(summary.id, TITLE_FIELD),
            )


def _draw_share(summary: ConversationSummary, share: Share | None) -> None:
    st.markdown(
        f"Anyone with the link can read **{as_text(summary.title)}**: its title, its messages as they "
        "are when you create the link, and the names of the personas. They can't write in it, and "
        "they see no system prompt, no settings and no other conversation."
    )
    if share is None:
        st.button(
            "Create link",
            icon=":material/add_link:",
            type="primary",
            on_click=actions.share,
            args=(summary.id,),
            key="create_link",
        )
        return
    st.code(address.page("shared", token=share.token), language=None, wrap_lines=True)
    zone = viewer_zone()
    st.caption(
        f"Shows the conversation as it was {ago(share.created_at, now=now(), zone=zone)}.",
        help=exact(share.created_at, zone=zone),
    )
    with st.container(horizontal=True):
        st.button(
            "Update the shared copy",
            icon=":material/refresh:",
            help="The same link then shows the conversation as it is now.",
            on_click=actions.share,
            args=(summary.id,),
            key="renew_link",
        )
        st.button(
            "Revoke link",
            icon=":material/link_off:",
            help="The link stops working permanently. A new link gets a new address.",
            on_click=actions.revoke,
            args=(summary.id,),
            key="revoke_link",
        )


def _draw_export(summary: ConversationSummary) -> None:
    st.caption(
        "Markdown is for reading and has the messages you see. JSON has everything, including all "
        "branches, and can be imported again. CSV has one row per message."
    )
    files.draw_downloads([summary.id], title=summary.title)
