"""Account: who is logged in, and their own API tokens."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import account, front_door, session
from personachat.ui.chat import storage_notice

front_door.require_home()
st.set_page_config(layout="centered")

if not session.has_account():
    st.switch_page("pages/chat.py")
st.header("Account", anchor=False)
try:
    account.draw(session.own_tokens())
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "Your tokens can't be loaded")
    st.button("Try again", icon=":material/refresh:")
