"""Insights: what personas cost, how fast they are, what fails, and whether people like them."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.insights import page

front_door.require_home()
st.set_page_config(layout="wide")

st.header("Insights", anchor=False)
try:
    page.draw(session.workspace())
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "The usage records can't be loaded")
    st.button("Try again", icon=":material/refresh:")
