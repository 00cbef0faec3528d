"""What a session remembers of the Insights page, as fields of one object. What widgets hold is not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import streamlit as st

_KEY = "insights_page"

SUGGESTED_STEP = 10
"""How many conversations that need a look are shown at first, and how many more each time."""


@dataclass(slots=True)
class InsightsState:
    """One per session."""

    address: dict[str, str] | None = None
    """The filters as the page last wrote them into its address; None before the first time."""
    suggested_rows: int = SUGGESTED_STEP


def insights_state() -> InsightsState:
    """This session's; created when it is first needed."""
    return cast("InsightsState", st.session_state.setdefault(_KEY, InsightsState()))
