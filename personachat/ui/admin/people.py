"""The people who use this server, as far as their calls and conversations tell."""

from __future__ import annotations

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.conversations.model import now
from personachat.services import Services
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.wording import counted, escaped


def draw(_: Services, administrator: Administrator) -> None:
    found = administrator.people()
    if not found:
        st.info("Nobody has had a conversation yet.", title="No people", icon=":material/group:")
    for each in found:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{escaped(each.name)}** :gray-badge[{each.role.capitalize()}]")
            active = ago(each.active_at, now=now(), zone=viewer_zone())
            st.caption(f"{counted(each.conversations, 'conversation')} · last active {active}")
            st.code(each.owner, language=None)
