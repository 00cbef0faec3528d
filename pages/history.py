"""History: search in all that was ever said; sort conversations, take them along, bring them in."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.history import page

front_door.require_home()
st.set_page_config(layout="centered")

st.header("History", anchor=False)
try:
    page.draw(session.workspace().library)
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "Conversations can't be loaded")
    st.button("Try again", icon=":material/refresh:")
