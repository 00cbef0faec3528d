"""The front door: page config, navigation, the frame all pages share, then the page."""

import streamlit as st

from personachat.settings import APP
from personachat.ui import frame, warmup

ICON = APP / "pages" / "icon.png"

st.set_page_config(page_title="PersonaChat", page_icon=ICON)
st.logo(ICON, size="large")
warmup.warm_up_once()

chat = st.Page("pages/chat.py", title="Chat", icon=":material/chat:", default=True)
personas = st.Page("pages/personas.py", title="Personas", icon=":material/groups:", url_path="personas")

page = st.navigation([chat, personas])
if frame.draw() and page != chat:
    st.switch_page(chat)
frame.run(page)
