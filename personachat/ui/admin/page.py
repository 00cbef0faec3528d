"""The page for administrators: one section at a time, each asked for when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.services import Services
from personachat.ui.admin import audit, budgets, doing, health, people, settings, tokens

SECTIONS: Mapping[str, Callable[[Services, Administrator], None]] = {
    "Budgets": budgets.draw,
    "Tokens": tokens.draw,
    "People": people.draw,
    "Audit log": audit.draw,
    "Health": health.draw,
    "Settings": settings.draw,
}


def draw(services: Services, administrator: Administrator) -> None:
    """Draw the section that is chosen. Raises DatabaseUnavailable and DatabaseDamaged."""
    section = st.pills(
        "Section",
        list(SECTIONS),
        default="Budgets",
        required=True,
        key="admin_section",
        label_visibility="collapsed",
    )
    doing.draw_not_done()
    SECTIONS[str(section or "Budgets")](services, administrator)
