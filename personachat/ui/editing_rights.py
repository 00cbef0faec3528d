"""Whether the person using this session may change the shared personas, and why not.

On our own server, people at the machine and people who are logged in may. Other visitors may if the operator
allows it. `streamlit run Home.py` leaves access to its host, so everybody may unless the operator forbids it.
The workspace refuses what isn't allowed; pages only show it.
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
    """If people log in, their role decides. A visitor is a person without a login."""
    person = current_person()
    if not services.accounts:
        return may_edit(services.settings)
    if person.is_known:
        return person.role.includes(Role.EDITOR)
    return services.settings.public_editing is True


def why_not_edit(services: Services) -> str | None:
    """Why this session can't change personas at all; None if it can."""
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
