"""Whether the person in front of this session may change the shared personas, and why not.

With our own server those who sit at the machine may, and who is logged in; other visitors may where the
operator lets them. `streamlit run Home.py` leaves it to its host who gets in at all, so everybody may unless
the operator says no. The workspace refuses what is not allowed; the pages only show it.
"""

from __future__ import annotations

import streamlit as st

from personachat.accounts.person import Role
from personachat.services import Services
from personachat.settings import Settings
from personachat.ui import address
from personachat.ui.owner import current_person, is_local

WHY_NOT = "Visitors can't change the shared personas here. Your edits stay in your own draft."
READER = "Your role lets you chat with personas, but not change them. Your edits stay in your own draft."


def may_edit_here(services: Services) -> bool:
    """Where people log in, their role says it; a visitor is somebody without one."""
    person = current_person()
    if not services.accounts:
        return may_edit(services.settings)
    if person.is_known:
        return person.role.includes(Role.EDITOR)
    return services.settings.public_editing is True


def why_not_edit(services: Services) -> str | None:
    """Why this session cannot change personas at all; None if it can."""
    if may_edit_here(services):
        return None
    return READER if services.accounts and current_person().is_known else WHY_NOT


def may_edit(settings: Settings) -> bool:
    public_editing = settings.public_editing
    if public_editing:
        return True
    if not address.api_is_served():
        return public_editing is None
    return is_local() or (public_editing is None and bool(st.user.get("is_logged_in")))
