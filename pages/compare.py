"""Compare: one message to several personas, revisions, models or settings, side by side."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.compare import page

front_door.require_home()
st.set_page_config(layout="wide")

try:
    page.draw(session.services(), session.workspace())
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "Comparisons can't be loaded")
    st.button("Try again", icon=":material/refresh:")
