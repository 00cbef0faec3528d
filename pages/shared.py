"""Shared: a conversation that somebody made a link to, for whoever has the link to read."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable, ShareNotFound
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.history import shared as sharing

front_door.require_home()
st.set_page_config(layout="centered", initial_sidebar_state="collapsed")

try:
    shared = session.services().shared_conversation(st.query_params.get("token", ""))
except ShareNotFound:
    sharing.draw_nothing()
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "The conversation can't be loaded")
    st.button("Try again", icon=":material/refresh:")
else:
    sharing.draw(shared)
