"""Chat: pick a persona, talk to it while the reply streams in, and go back to any turn."""

from dataclasses import replace
from functools import partial

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.ui import frame, front_door, open_tabs, returning, script_runs, session, warmup
from personachat.ui.chat import (
    budget_notice,
    composer,
    controls,
    dialogs,
    live_turn,
    model_line,
    persona_picker,
    storage_notice,
    transcript,
    turns,
    undo,
    window,
)

front_door.require_home()
st.set_page_config(layout="centered")  # each page sets its own width, once per run

services = session.services()
chat = session.workspace().chat

session.follow_deep_link()
window.follow_turn_link()
persona, trouble, below_persona = persona_picker.draw()
with st.bottom:
    told, line = st.empty(), st.empty()
composer.draw_box(persona)

try:
    conversation = session.current_conversation(chat)
    if conversation and conversation.path:
        conversation = composer.send_waiting(chat, conversation)
except (DatabaseUnavailable, DatabaseDamaged) as error:
    trouble, conversation = error, session.conversation_seen()
if persona:
    with below_persona:
        model_line.draw_for_chat(services, persona, conversation)
composer.draw_not_done(told)
session.draw_no_chat()
if trouble:
    storage_notice.draw_unreachable(trouble, "This chat can't be loaded right now")
    if persona is None or (conversation is None and session.remembered("chat")):
        returning.stop()  # nothing of it has been seen
else:
    if conversation:
        open_tabs.saw(conversation.id, conversation.changed_at)
    storage_notice.draw(services, conversation)
    budget_notice.draw(services)

if persona is None:
    st.info(
        "There are no personas yet. Create the first one on the Personas page.",
        title="Nobody to talk to",
        icon=":material/group_add:",
    )
    st.page_link("pages/personas.py", label="Personas", icon=":material/groups:")
    returning.stop()
if conversation and conversation.title:
    frame.name_tab(conversation.title)
dialogs.draw_open_dialog(services, conversation, persona)

if conversation is None or not conversation.path:
    with st.container():
        if conversation:
            composer.draw_cleared(chat, conversation)
            undo.draw_deleted(conversation)
        composer.draw_opening(persona, conversation)
    with line.container(height=controls.LINE_PIXELS, border=False):
        controls.draw_forecast()
    warmup.hold()
    returning.stop()
st.empty()  # where the opening stood

path, last = conversation.path, conversation.path[-1]
above = path[-2] if len(path) > 1 else None
# Asked of what is drawn, not of the service again: the reply may have ended since.
live = None
if last.reply and last.reply.live:
    live = services.runner.find(last.id) if trouble else chat.live_reply_in(conversation, last.id)
paused = live is not None and live.state == "paused"
start, end = window.bounds(conversation)
skipped = conversation.length - len(path)  # turns that were not loaded
shown = path[max(0, start - skipped) : end - skipped]
before = path[start - skipped - 1] if start > skipped else None
at_end = end == conversation.length
view = turns.View.of(conversation)
ways_on = partial(composer.draw_ways_on, services, conversation)

with line.container():
    steering = controls.Line(live, conversation, paused=paused)
with transcript.place(start):
    transcript.draw_earlier(start, window.show_earlier, conversation.id)
    turns.draw_all(view, shown[:-1] if at_end else shown, above=before)
    following = None
    if not at_end:
        transcript.draw_later(
            conversation.length - end, window.show_later, window.show_newest, conversation.id
        )
    elif live:
        following = live_turn.Following(view, last, above=above, live=live)
    else:
        turns.draw(view, last, above=above, last=True, ways_on=ways_on)
        composer.draw_unanswered(conversation)
    composer.draw_queue(chat, conversation)
    if following:
        following.clear_below()
        returning.finish()  # what is below follows the reply to its end
        last = following.draw(paused=paused, ways_on=ways_on)
    undo.draw_deleted(conversation)
    undo.draw_forked(conversation)
    if at_end:
        transcript.draw_switch(last, persona.id, persona.name)

if following and not paused and not script_runs.has_dialog():
    if conversation.queue or (last.reply and last.reply.live):
        st.rerun()  # the next one's turn has come, or somebody else paused this one
    steering.end()
steering.measure(replace(conversation, path=(*path[:-1], last)), persona)
if live and paused and not script_runs.has_dialog():
    controls.watch(live)
warmup.hold()
