"""Shared: a conversation or a comparison that somebody made a link to, for whoever has the link to read."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable, ShareNotFound
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.compare import shared_comparison
from personachat.ui.history import shared as sharing

front_door.require_home()
compared = st.query_params.get("comparison")
st.set_page_config(layout="wide" if compared else "centered", initial_sidebar_state="collapsed")

try:
    if compared:
        shared_comparison.draw(session.services(), compared)
    else:
        sharing.draw(session.services().shared_conversation(st.query_params.get("token", "")))
except ShareNotFound:
    sharing.draw_nothing()
except (DatabaseUnavailable, DatabaseDamaged) as error:
    what = "comparison" if compared else "conversation"
    storage_notice.draw_unreachable(error, f"The {what} can't be loaded")
    st.button("Try again", icon=":material/refresh:")
