"""The settings as they are in force. A secret is only said to be set."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.accounts.settings_in_force import SettingInForce, settings_in_force
from personachat.services import Services
from personachat.ui.wording import escaped

FROM = {"option": "command line", "environment": "environment variable", "secrets.toml": "secrets.toml"}


def draw(services: Services, _: Administrator) -> None:
    st.caption("As they were when the server started. Secrets are not shown.")
    settings = settings_in_force(services.settings)
    overrides = [each for each in settings if each.source != "default"]
    if overrides:
        st.markdown(_lines(overrides))
    else:
        st.info("Every setting has its default.", icon=":material/settings:")
    with st.expander("Defaults", icon=":material/tune:", expanded=not overrides):
        st.markdown(_lines(each for each in settings if each.source == "default"))


def _lines(settings: Iterable[SettingInForce]) -> str:
    """A line each, which can break on a narrow screen where a table could not; Markdown."""
    return "\n".join(map(line, settings))


def line(each: SettingInForce) -> str:
    """E.g. "PERSONACHAT_PUBLIC: yes (environment variable)"."""
    source = f" :gray[({FROM[each.source]})]" if each.source in FROM else ""
    return f"- **{escaped(each.variable)}**: {escaped(each.value or 'not set')}{source}"
