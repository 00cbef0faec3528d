"""Admin: budgets, tokens, people, the audit log, the server's health and its settings."""

import streamlit as st

from personachat.errors import AdministrationNotAllowed, DatabaseDamaged, DatabaseUnavailable
from personachat.ui import front_door, session
from personachat.ui.admin import page
from personachat.ui.chat import storage_notice

front_door.require_home()
st.set_page_config(layout="centered")

try:
    administrator = session.administrator()
except AdministrationNotAllowed:
    st.switch_page("pages/chat.py")
st.header("Admin", anchor=False)
try:
    page.draw(session.services(), administrator)
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "This section can't be loaded")
    st.button("Try again", icon=":material/refresh:")
