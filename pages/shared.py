"""Shared: a conversation, a comparison or test results, to be read by whoever has the link."""

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable, ShareNotFound
from personachat.ui import front_door, session
from personachat.ui.chat import storage_notice
from personachat.ui.compare import shared_comparison
from personachat.ui.history import shared as sharing
from personachat.ui.tests import shared_results

front_door.require_home()
compared, results = st.query_params.get("comparison"), st.query_params.get("results")
st.set_page_config(layout="wide" if compared else "centered", initial_sidebar_state="collapsed")

try:
    if compared:
        shared_comparison.draw(session.services(), compared)
    elif results:
        shared_results.draw(session.services(), results)
    else:
        sharing.draw(session.services().shared_conversation(st.query_params.get("token", "")))
except ShareNotFound:
    sharing.draw_nothing()
except (DatabaseUnavailable, DatabaseDamaged) as error:
    storage_notice.draw_unreachable(error, "What was shared can't be loaded")
    st.button("Try again", icon=":material/refresh:")
