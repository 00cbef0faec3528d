"""What the page says about where conversations are stored: for how long, and when they aren't."""

from __future__ import annotations

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.errors import DatabaseDamaged, PersonaChatError
from personachat.providers.ways_on import SECRETS_PANEL, on_community_cloud
from personachat.services import Services
from personachat.settings import Settings
from personachat.ui import dismissals, session
from personachat.ui.wording import error_text, escaped

_RETURN_AWAITED = "return_awaited"

RETRY_SECONDS = 3.0
"""Seconds between a page's checks whether the database is back; that sends no query."""

TEMPORARY = "Temporary chat: not saved. It disappears when you leave it or PersonaChat stops."


def disk_is_kept() -> bool:
    """Whether files survive a restart of the app; on Streamlit Community Cloud they don't."""
    return not on_community_cloud()


def draw(services: Services, conversation: Conversation | None) -> None:
    """The notice above the transcript, if any."""
    if services.runner.draining:
        st.warning(
            (
                "Replies in progress will finish. New messages are not sent: send yours again when "
                "PersonaChat is back."
            ),
            title="PersonaChat is shutting down",
            icon=":material/power_settings_new:",
        )
    if conversation.temporary if conversation else session.is_temporary_chosen():
        st.caption(f":material/visibility_off: {TEMPORARY}")
    elif services.checkpoints.trouble is not None:
        st.warning(
            f"{escaped(str(services.checkpoints.trouble))} New messages may be lost.",
            title="Not being saved",
            icon=":material/database_off:",
        )
        await_return()
    elif not services.settings.database_url and not disk_is_kept():
        draw_short_lived(services.settings)


def draw_unreachable(error: PersonaChatError, title: str) -> None:
    """Why stored data can't be read or written now, until it can; damaged data doesn't come back."""
    lasting = isinstance(error, DatabaseDamaged)
    back = "" if lasting else " This page reconnects by itself."
    st.error(f"{error_text(error)}{back}", title=title, icon=":material/database_off:")
    if not lasting:
        await_return()


def await_return() -> None:
    """Redraw this page once the database answers. Call it at most once per run."""
    st.session_state[_RETURN_AWAITED] = True
    _look_again()


@st.fragment(run_every=RETRY_SECONDS)
def _look_again() -> None:
    if st.session_state.pop(_RETURN_AWAITED, False):
        return  # the page was just drawn
    services = session.services()
    if not services.database_is_out and services.checkpoints.trouble is None:
        st.rerun()


def personas_are_kept(settings: Settings) -> bool:
    """Whether a saved persona survives a restart of the app."""
    return disk_is_kept() or (settings.persona_store == "database" and settings.database_url is not None)


def draw_short_lived(settings: Settings) -> None:
    """What this host forgets, how to keep it, and how to export it; until that is dismissed."""
    if dismissals.is_dismissed("short_lived"):
        return
    what = "Saved personas" if settings.database_url else "Saved personas and chats"
    needed = 'PERSONACHAT_PERSONA_STORE = "database"'
    if not settings.database_url:
        needed = f"DATABASE_URL (the address of a PostgreSQL database) and {needed}"
    dismissals.draw(
        "short_lived",
        f":material/cloud_queue: **{what} disappear when this app restarts or goes to sleep.** "
        f"To keep them, add {needed} in {SECRETS_PANEL}. Until then, download what you need: "
        "personas with Export… in their menu, chats with Export all in History.",
    )
