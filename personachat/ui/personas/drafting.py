"""A persona that a model drafts from a description: requested in the dialog, written in the editor's place.

The page shows the draft under an id that no persona can have. So every link to another persona works
meanwhile, and a refresh finds it again. Once it is complete, it is an unsaved persona like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from personachat.authoring.drafting import MAX_DESCRIPTION_CHARACTERS, Drafting, is_refused, nearest
from personachat.conversations.model import Reply
from personachat.errors import PersonaChatError, ProviderError
from personachat.settings import LOCAL
from personachat.ui import notices, session
from personachat.ui.chat.stream import SILENT_SECONDS
from personachat.ui.chat.transcript import draw_failure
from personachat.ui.notices import Notice
from personachat.ui.owner import current_owner
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import Entry, OpenQuestion, desk
from personachat.ui.session import PersonaDraft
from personachat.ui.wording import error_text, escaped

PREFIX = "draft."
"""No persona's id contains a dot."""

CREATE_TAB_KEY, DESCRIBE_TAB = "create_tab", "Describe it"
"""The dialog's tab for describing a persona."""

DESCRIPTION = "draft_description"
TOLD_CHARACTERS = 120
HEIGHT_PIXELS = 480
EVERY_SECONDS = 0.3


# --- asking for it, in the dialog -----------------------------------------------------------------


def draw_form() -> None:
    """The description and the model that would write the draft, in the current container."""
    with st.form("describe", border=False):
        st.text_area(
            "Who should it be, and what is it for?",
            key=DESCRIPTION,
            height=140,
            max_chars=MAX_DESCRIPTION_CHARACTERS,
            placeholder="A patient SQL tutor for finance people",
            persist_state="session",
        )
        _draw_writer()
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.form_submit_button(
                "Write a draft",
                type="primary",
                icon=":material/edit_note:",
                key="draft_it",
                on_click=_draft_it,
            )
    for notice in notices.take("draft"):
        st.error(notice.text, title=notice.title, icon=notice.icon)


def _draft_it() -> None:
    description = str(st.session_state[DESCRIPTION] or "")
    if not description.strip():
        notices.say("draft", Notice("Describe the persona in a sentence.", "Something went wrong"))
        return
    try:
        _start(description, offline=session.is_offline_chosen())
    except PersonaChatError as error:
        notices.say("draft", Notice(error_text(error), "Something went wrong"))


def _draw_writer() -> None:
    """Say who will write the draft."""
    services = session.services()
    outcome = "It opens in the editor as a draft."
    if services.drafter.writes_offline(offline=session.is_offline_chosen()):
        st.caption(
            "The small offline model can't write personas. You get the closest template with your "
            f"description added. {outcome}"
        )
        return
    try:
        answering = services.models.answering(services.drafter.model, offline=session.is_offline_chosen())
    except ProviderError as error:
        st.caption(error_text(error))
        return
    st.caption(f"{escaped(answering.model)} writes it. {outcome}")


def _start(description: str, *, offline: bool) -> None:
    drafter = session.services().drafter
    if drafter.writes_offline(offline=offline):
        _open_template(description)
        return
    other_ids = {entry.id for entry in session.workspace().personas.all()} | set(session.drafts())
    text = drafter.persona_text("", description, other_ids=other_ids)
    begun = str(json.loads(text)["id"]), text
    live_reply = drafter.start(description, owner=current_owner(), offline=offline, begun=begun)
    session.drafts()[begun[0]] = PersonaDraft(
        text, "", None
    )  # the description survives this session and this process
    editing.select(f"{PREFIX}{live_reply.id}")


def _open_template(description: str) -> None:
    services = session.services()
    other_ids = {entry.id for entry in session.workspace().personas.all()} | set(session.drafts())
    text = services.drafter.offline_text(description, other_ids=other_ids)
    persona_id = str(json.loads(text)["id"])
    session.drafts()[persona_id] = PersonaDraft(text, "", None)
    editing.select(persona_id)
    template = nearest(description)
    begun = (
        f"with the template “{escaped(template.persona.name)}”"
        if template
        else ("with only your description")
    )
    desk().note = (
        f"No model wrote this, because the small offline model can't. It starts {begun}, and your "
        "description is the first paragraph of the prompt. Change what doesn't fit."
    )


# --- writing it, on the page ----------------------------------------------------------------------


def draw(wanted_id: str | None, entries: Sequence[Entry]) -> bool:
    """Draw the open draft in the editor's place; False if none is open."""
    drafting = _drafting_of(wanted_id)
    if drafting is None:
        return False
    reply = drafting.live_reply.snapshot()
    if reply.live:
        with st.container(key="drafting", horizontal=True):
            with st.container(width="stretch"):
                _draw_live(drafting)
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key="stop_draft",
                on_click=drafting.live_reply.stop,
            )
    elif reply.error:
        _draw_failed(drafting, reply, entries)
    else:
        _open(drafting, reply, entries)
        st.rerun()
    return True


def draw_notice(wanted_id: str | None) -> None:
    """A line about a draft that is being written, or is ready, while another persona is open."""
    drafting = session.services().drafter.waiting(owner=current_owner())
    if drafting is None or wanted_id == f"{PREFIX}{drafting.id}":
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        what = "Writing a persona draft" if drafting.live_reply.live else "Your draft is ready"
        st.markdown(f":material/edit_note: {what}: {_progress_text(drafting)}", width="stretch")
        st.button("Show", key="show_draft", on_click=editing.select, args=(f"{PREFIX}{drafting.id}",))
        st.button("Discard", key="drop_draft", type="tertiary", on_click=_drop, args=(drafting,))


@st.fragment(run_every=EVERY_SECONDS)
def _draw_live(drafting: Drafting) -> None:
    live_reply = drafting.live_reply
    reply = live_reply.snapshot()
    if not reply.live:
        st.rerun()
    seconds = int(live_reply.elapsed_seconds)
    doing = "Writing" if reply.text else "Thinking"
    time = f" :gray[{seconds} s]" if seconds >= SILENT_SECONDS else ""
    st.markdown(f":shimmer[{doing}]{time}")
    st.caption(_progress_text(drafting))
    with st.container(height=HEIGHT_PIXELS, autoscroll=True, key="draft_text"):
        st.code(reply.text or " ", language=_language(reply.text), wrap_lines=True)


def _draw_failed(drafting: Drafting, reply: Reply, entries: Sequence[Entry]) -> None:
    st.caption(_progress_text(drafting))
    if reply.error:
        draw_failure(reply.error)
    models = session.services().models
    with st.container(horizontal=True):
        st.button(
            "Try again",
            icon=":material/refresh:",
            key="retry_draft",
            on_click=_again,
            args=(drafting,),
        )
        if models.offline_available and reply.provider != LOCAL:
            st.button(
                "Use the offline model",
                icon=":material/cloud_off:",
                key="retry_draft_offline",
                on_click=_again,
                args=(drafting,),
                kwargs={"offline": True},
            )
        st.button(
            "Change the description", icon=":material/edit:", key="describe_again", on_click=_describe_again
        )
        st.button(
            "Open the partial draft" if reply.text else "Start with the description",
            icon=":material/edit_document:",
            key="open_draft",
            on_click=_open,
            args=(drafting, reply, entries),
        )
    if reply.text:
        st.code(reply.text, language=_language(reply.text), wrap_lines=True, height=HEIGHT_PIXELS)


def _open(drafting: Drafting, reply: Reply, entries: Sequence[Entry]) -> None:
    """Open the finished text as an unsaved persona; without any text, one with only the description."""
    _forget(drafting)
    other_ids = {entry.id for entry in entries} | set(session.drafts())
    text = session.services().drafter.persona_text(reply.text, drafting.description, other_ids=other_ids)
    persona_id = str(json.loads(text)["id"])
    session.drafts()[persona_id] = PersonaDraft(text, "", None)
    editing.select(persona_id)
    desk().toast = _notice_of(reply)


def _notice_of(reply: Reply) -> str:
    if not reply.text.strip():
        return "Nothing was written. Your description is used as the prompt."
    if is_refused(reply.text):
        return "The model refused to write this persona. Your description is used as the prompt."
    if reply.state == "stopped":
        return "Stopped. What was written so far is in the editor, not saved yet."
    if reply.state in {"interrupted", "failed"}:
        return "The draft was cut off. What was written so far is in the editor, not saved yet."
    if reply.finish_reason == "length":
        return (
            "The draft was cut off at the token limit. What was written so far is in the editor, "
            "not saved yet."
        )
    return "Your draft is in the editor, not saved yet. Read it, try it out and change it."


def _again(drafting: Drafting, *, offline: bool = False) -> None:
    _forget(drafting)
    try:
        _start(drafting.description, offline=offline or session.is_offline_chosen())
    except PersonaChatError as error:
        desk().error = error


def _describe_again() -> None:
    st.session_state[CREATE_TAB_KEY] = DESCRIBE_TAB
    editing.ask(OpenQuestion("create"))


def _drop(drafting: Drafting) -> None:
    drafting.live_reply.stop()
    _forget(drafting)


def _forget(drafting: Drafting) -> None:
    """Nobody waits for it any more, and its place among the drafts is free unless someone wrote there."""
    session.services().drafter.settle(drafting.id)
    persona_id, text = drafting.begun
    draft = session.drafts().get(persona_id)
    if draft and draft.text == text:
        del session.drafts()[persona_id]


def _drafting_of(wanted_id: str | None) -> Drafting | None:
    if not wanted_id or not wanted_id.startswith(PREFIX):
        return None
    return session.services().drafter.find(wanted_id.removeprefix(PREFIX), owner=current_owner())


def _progress_text(drafting: Drafting) -> str:
    line = " ".join(drafting.description.split())
    return f"“{escaped(line[:TOLD_CHARACTERS])}{'…' if len(line) > TOLD_CHARACTERS else ''}”"


def _language(text: str) -> str | None:
    return "json" if text.lstrip().startswith(("{", "`")) else None
