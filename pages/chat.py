"""Chat: pick a persona, talk to it while the reply streams in."""

import streamlit as st

from personachat.conversations.model import Reply
from personachat.ui import composer, front_door, picker, state, transcript
from personachat.ui.stream import draw_running

front_door.require_home()
st.set_page_config(layout="centered")  # each page sets its own width, once a run

services = state.services()
chat = services.chat

state.follow_deep_link()
persona = picker.draw(services)
with st.bottom:
    controls = st.empty()
composer.draw_box(persona)
composer.draw_not_sent()
conversation = state.current_conversation(chat)
state.draw_gone()

if persona is None:
    st.info(
        "There is no persona yet. Create the first one on the Personas page.",
        title="Nobody to talk to",
        icon=":material/group_add:",
    )
    st.page_link("pages/personas.py", label="Personas", icon=":material/groups:")
    st.stop()

if conversation is None or not conversation.path:
    with st.container():
        if conversation:
            composer.draw_cleared(chat, conversation)
        composer.draw_opening(persona)
    st.stop()
st.empty()  # where the opening stood

conversation = composer.send_waiting(chat, conversation)
path = conversation.path
last, above = path[-1], path[-2] if len(path) > 1 else None
# Asked of what is drawn, not of the service again: the reply may have ended since.
running = chat.generation(last.id) if last.reply and last.reply.state == "running" else None
start = transcript.window_start(len(path), more=state.earlier_turns(conversation.id))

with transcript.place(start):
    transcript.draw_earlier(start, state.show_earlier, conversation.id)
    transcript.draw_turns(path[start:-1], before=path[start - 1] if start else None)
    transcript.draw_switch(above, last.persona_id, last.persona_name)
    with transcript.bubble(last):
        # Empty places for a running reply: what stood there of another one is gone at once.
        head, words, outcome = (st.empty() if running else st.container() for _ in range(3))
    composer.draw_queue(chat, conversation)
    if running:
        with controls:
            composer.draw_stop(running)
        reply: Reply | None = draw_running(running, head=head, words=words)
        controls.empty()
        outcome = outcome.container()
    else:
        reply = transcript.draw_words(last, head=head, words=words)
    if reply:
        with outcome:
            transcript.draw_outcome(reply)
            composer.draw_ways_on(services, conversation, reply)
    transcript.draw_switch(last, persona.id, persona.name)

if running and conversation.queue:
    st.rerun()  # its turn has come
