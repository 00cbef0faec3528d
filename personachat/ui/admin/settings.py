"""The settings as they are in force. A secret is only said to be set."""

from __future__ import annotations

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.accounts.settings_in_force import settings_in_force
from personachat.services import Services
from personachat.ui.insights.chart import table


def draw(services: Services, _: Administrator) -> None:
    st.caption("As they were when the server started. Secrets are not shown.")
    rows = [
        (each.variable, each.value or "not set", each.source) for each in settings_in_force(services.settings)
    ]
    st.markdown(table(("Setting", "Value", "From"), rows))
