"""The right side of the personas page: head, problems and preview of the persona that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from personachat.chat.turns import opening_words
from personachat.conversations.model import Turn, new_id
from personachat.errors import ProviderError
from personachat.personas.persona import Persona
from personachat.personas.prompt import estimate_tokens
from personachat.personas.store.base import BrokenPersona, PersonaStore
from personachat.replies.request_code import RequestBody
from personachat.ui import faces, session
from personachat.ui.chat import inspector, storage_notice
from personachat.ui.chat.transcript import drawable
from personachat.ui.personas import actions as editing
from personachat.ui.personas import favourites, kept_drafts, lore, menu, pasted_file, test_results
from personachat.ui.personas.desk import Entry, OpenPersona, desk
from personachat.ui.personas.texts import line_of
from personachat.ui.wording import counted, error_text, escaped

MOST_PROBLEMS = 10
EXCERPT_CHARACTERS = 90
SAMPLE = "Hello"
ROLES = {"system": "System message", "assistant": "Assistant, in an example", "user": "User, in an example"}
SAVE_HELP = "Ctrl+S, or ⌘S, saves from anywhere on the page."


def draw_head(personas: PersonaStore, entries: Sequence[Entry], found: OpenPersona) -> None:
    """Draw who is open, how it stands, and what can be done with it."""
    persona = found.persona or found.saved_persona
    is_broken = persona is None and isinstance(found.stored, BrokenPersona)
    avatar = ":material/warning:" if is_broken else drawable(persona.avatar if persona else None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            is_drawn = not is_broken and faces.draw(persona, width=40)
            name = escaped(found.name) if is_drawn else f"{avatar} {escaped(found.name)}"
            st.subheader(name, anchor=False, width="content")
            if found.saved_persona:
                favourites.draw_star(found.id)
            with st.container(key=f"standing_{found.standing}", width="content"):
                _draw_badge(found)
            if found.saved_persona and found.stored:
                test_results.draw(test_results.of({found.id: found.stored.etag}).get(found.id))
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            _draw_actions(personas, entries, found)
    with st.container():  # always there: what comes and goes in it must not move the editor
        _draw_notes(found)


def draw_problems(found: OpenPersona) -> None:
    """One row a problem: where, what, how to mend it, and the line itself; or what else the text is."""
    if pasted_file.draw(found):
        return
    for number, problem in enumerate(found.problems[:MOST_PROBLEMS]):
        excerpt = line_of(found.text, problem.line)[:EXCERPT_CHARACTERS].strip()
        with st.container(horizontal=True, gap="small", vertical_alignment="top"):
            st.button(
                f"Line {problem.line}",
                icon=":material/error:",
                type="tertiary",
                key=f"problem-{number}",
                help="Show the line in the editor",
                on_click=editing.show_line,
                args=(problem.line,),
            )
            with st.container(gap=None, width="stretch"):
                st.markdown(escaped(problem.message))
                if excerpt:
                    st.caption(escaped(excerpt))
    if len(found.problems) > MOST_PROBLEMS:
        st.caption(f"… and {len(found.problems) - MOST_PROBLEMS} more below these.")
    if found.problems:
        st.caption("In the editor, F8 goes from one problem to the next.")
    st.caption("Esc, then Tab leaves the editor.")


def draw_preview(found: OpenPersona) -> None:
    """The very request of a first message, from the text as it stands: readable first, then as it is sent."""
    if found.persona is None:
        st.info("Fix the problems first: a preview needs a valid persona.", icon=":material/visibility_off:")
        return
    try:
        sent = _first_request(found.persona)
    except ProviderError as error:
        st.warning(error_text(error), icon=":material/cloud_off:")
        return
    messages = sent.body["messages"]
    size = sum(estimate_tokens(str(message["content"])) for message in messages)
    st.caption(
        f"This is sent for a first message of “{SAMPLE}”: about {counted(size, 'token')}, to "
        f"{escaped(sent.model)} from {escaped(sent.provider)}."
    )
    for message, label in zip(messages, _labels(messages, found.persona), strict=True):
        st.caption(label)
        st.code(str(message["content"]), language=None, wrap_lines=True)
    lore.draw_told(sent.lore, heading="Lore included")
    with st.expander("As sent", icon=":material/data_object:"):
        inspector.draw(replace(sent, lore=()))


def _labels(messages: Sequence[Mapping[str, object]], persona: Persona) -> list[str]:
    """What each message is: the last ones are of the chat, those between them and the first are examples."""
    labels = [ROLES.get(str(message["role"]), escaped(str(message["role"]))) for message in messages]
    labels[-1] = "Your message"
    if len(labels) > 1 and messages[-2]["role"] == "assistant" and persona.greeting:
        labels[-2] = "Greeting"
    return labels


def _first_request(persona: Persona) -> RequestBody:
    """Raises ProviderError where nobody would answer."""
    said = Turn(new_id(), None, "user", SAMPLE, persona.id, persona.name)
    opening = opening_words(persona)
    greeted = Turn(new_id(), None, "assistant", opening, persona.id, persona.name)
    path = (greeted, said) if opening else (said,)
    return session.workspace().inspection.first(persona, path, offline=session.offline_chosen())


def _draw_badge(found: OpenPersona) -> None:
    if found.standing == "changed":
        label = "Changed elsewhere" if found.stored else "Deleted elsewhere"
        st.badge(
            label,
            icon=":material/sync_problem:",
            color="violet",
        )
    elif found.standing == "invalid":
        st.badge(f"Invalid ({len(found.problems)})", icon=":material/error:", color="red")
    elif found.standing == "unsaved":
        st.badge("Unsaved", icon=":material/edit:", color="orange")
    elif not storage_notice.personas_are_kept(session.services().settings):
        st.badge("Saved until the restart", icon=":material/schedule:", color="orange")
    else:
        st.badge("Saved", icon=":material/check:", color="green")


def _draw_actions(personas: PersonaStore, entries: Sequence[Entry], found: OpenPersona) -> None:
    st.button(
        "Save as new" if found.saves_as_new else "Save",
        icon=":material/save:",
        type="primary",
        shortcut="Ctrl+S",
        key="save",
        disabled=bool(_why_not_save(found)),
        help=_why_not_save(found) or SAVE_HELP,
        on_click=editing.save,
        args=(personas, found.id),
    )
    if session.why_not_edit(found.id) and found.draft:
        st.download_button(
            "Download my draft",
            data=found.text,
            file_name=f"{found.id}.json",
            mime="application/json",
            icon=":material/download:",
            key="download_draft",
            on_click="ignore",
        )
    if st.button(
        "Chat with it",
        icon=":material/chat:",
        key="chat_with",
        disabled=found.saved_persona is None,
        help=_chat_help(found),
    ):
        st.switch_page("pages/chat.py", query_params={"persona": found.id})
    menu.draw(entries, found)


def _draw_notes(found: OpenPersona) -> None:
    if desk().note:
        st.info(desk().note, icon=":material/edit_note:")
    if kept_drafts.is_behind():
        st.warning(
            "The database can't be reached. Until it can, your edits exist only in this page.",
            icon=":material/cloud_off:",
        )
    if kept_drafts.changed_elsewhere(found.id):
        gone = "" if found.draft else " It was saved or discarded there."
        st.info(f"This draft is also open in another tab and was changed there.{gone}", icon=":material/tab:")
    if found.standing == "changed":
        what, then = "This persona was deleted", "Saving asks you what to do."
        if found.stored:
            what, then = "A newer version was saved", "Saving keeps both changes."
        st.warning(f"{what} after you started editing. {then}", icon=":material/sync_problem:")
    elif isinstance(found.stored, BrokenPersona) and not found.draft:
        st.warning(
            f"{escaped(found.stored.filename)} has errors and can't be used. Fix it here and save.",
            icon=":material/warning:",
        )
    if found.saves_as_new and found.persona:
        st.info(
            (
                f"The id is now `{found.persona.id}`: saving creates a new persona and leaves "
                f"{escaped(found.id)} unchanged."
            ),
            icon=":material/content_copy:",
        )


def _why_not_save(found: OpenPersona) -> str:
    if why_not := session.why_not_edit(found.id):
        return why_not
    if found.problems:
        count = len(found.problems)
        return f"Fix the {count} problems below first." if count > 1 else ("Fix the problem below first.")
    return "" if found.draft else "There are no changes to save."


def _chat_help(found: OpenPersona) -> str | None:
    if found.saved_persona is None:
        return "Save it first."
    return "The saved version answers. Your unsaved edits stay here." if found.draft else None
