"""Tests: what personas promise, whether they keep it, and what changed since the last run."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.tests import page

front_door.require_home()
st.set_page_config(layout="wide")

st.header("Tests", anchor=False)
try:
    page.draw(session.workspace())
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "Tests can't be loaded")
    st.button("Try again", icon=":material/refresh:")
