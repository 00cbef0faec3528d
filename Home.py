"""The front door: page config, navigation, the frame all pages share, then the page."""

import streamlit as st

from personachat.ui import frame, login, pages_alone, returning, session, warmup
from personachat.ui.front_door import page

st.set_page_config(page_title="PersonaChat", page_icon=frame.ICON)
st.logo(frame.ICON, size="large")
pages_alone.prepare()
warmup.begin()
locked_out = login.trouble()

chat = page("pages/chat.py", title="Chat", icon=":material/chat:", default=True)
personas = page("pages/personas.py", title="Personas", icon=":material/groups:", url_path="personas")
history = page("pages/history.py", title="History", icon=":material/history:", url_path="history")
compare = page("pages/compare.py", title="Compare", icon=":material/compare_arrows:", url_path="compare")
tests = page("pages/tests.py", title="Tests", icon=":material/rule:", url_path="tests")
insights = page("pages/insights.py", title="Insights", icon=":material/query_stats:", url_path="insights")
shared = page(
    "pages/shared.py",
    title="Shared conversation",
    icon=":material/link:",
    url_path="shared",
    visibility="hidden",
)
received = page(
    "pages/received.py",
    title="Shared persona",
    icon=":material/person_add:",
    url_path="received",
    visibility="hidden",
)
account = page(
    "pages/account.py",
    title="Account",
    icon=":material/manage_accounts:",
    url_path="account",
    visibility="hidden",
)
admin = page("pages/admin.py", title="Admin", icon=":material/shield_person:", url_path="admin")

with login.ends_meanwhile():
    if not locked_out:
        frame.begin()
    # For anybody else there is no such page; whoever is locked out is not even asked.
    administration = [admin] if not locked_out and session.administers() else []
    own = [account] if not locked_out and session.has_account() else []
    pages = [chat, personas, history, compare, tests, insights, *administration, *own, shared, received]
    opened = st.navigation(pages, position="hidden" if locked_out else "sidebar")
    if locked_out:
        login.draw(locked_out)
    else:
        if opened != shared:  # whoever only reads what was shared has nothing here
            wanted = frame.draw(here={"": "chat"}.get(opened.url_path, opened.url_path))
            if wanted:
                name, query = wanted
                st.switch_page(
                    {"chat": chat, "history": history, "compare": compare}[name], query_params=query
                )
        frame.run(opened)
        returning.finish()
