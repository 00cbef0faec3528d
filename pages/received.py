"""Received: a persona that somebody shared by a link, to be looked at and then accepted or left."""

import streamlit as st

from personachat.errors import LinkInvalid, PersonaInvalid, ShareNotFound
from personachat.ui import front_door
from personachat.ui.personas import received_persona

front_door.require_home()
st.set_page_config(layout="centered", initial_sidebar_state="collapsed")

try:
    plan = received_persona.plan()
except (LinkInvalid, ShareNotFound, PersonaInvalid) as error:
    received_persona.draw_refused(error)
else:
    received_persona.draw(plan)
