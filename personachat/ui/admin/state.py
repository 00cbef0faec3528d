"""What a session remembers of the Admin page, as fields of one object. What widgets hold is not here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import streamlit as st

_KEY = "admin_page"

AUDIT_STEP = 50
"""How many events of the audit log are shown at first, and how many more each time."""


@dataclass(slots=True)
class AdminState:
    """One per session."""

    audit_rows: int = AUDIT_STEP
    provider_results: dict[str, str] = field(default_factory=dict)
    """By provider: what trying it came to, as Markdown."""


def admin_state() -> AdminState:
    """This session's; created when it is first needed."""
    return cast("AdminState", st.session_state.setdefault(_KEY, AdminState()))
