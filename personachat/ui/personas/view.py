"""The right side of the personas page: head, problems and preview of the open persona."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from personachat.chat.turns import opening_words
from personachat.conversations.model import Turn
from personachat.errors import ProviderError
from personachat.personas.persona import Persona
from personachat.personas.store.base import BrokenPersona, PersonaStore
from personachat.personas.token_estimates import estimate_tokens
from personachat.replies.request_code import RequestBody
from personachat.stamps import new_id
from personachat.ui import faces, session
from personachat.ui.chat import inspector, storage_notice
from personachat.ui.chat.transcript import drawable
from personachat.ui.personas import actions as editing
from personachat.ui.personas import favourites, kept_drafts, lore, menu, pasted_file, test_results
from personachat.ui.personas.desk import Entry, OpenPersona, desk
from personachat.ui.personas.state import personas_state
from personachat.ui.personas.texts import line_of
from personachat.ui.wording import counted, error_text, escaped

MOST_PROBLEMS = 10
EXCERPT_CHARACTERS = 90
SAMPLE = "Hello"
ROLES = {"system": "System message", "assistant": "Assistant, in an example", "user": "User, in an example"}
SAVE_HELP = "Ctrl+S, or ⌘S, saves from anywhere on the page."


def draw_head(personas: PersonaStore, entries: Sequence[Entry], open_persona: OpenPersona) -> None:
    """Draw which persona is open, its state, and its buttons."""
    persona = open_persona.persona or open_persona.saved_persona
    is_broken = persona is None and isinstance(open_persona.stored, BrokenPersona)
    avatar = ":material/warning:" if is_broken else drawable(persona.avatar if persona else None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            is_drawn = not is_broken and faces.draw(persona, width=40)
            name = escaped(open_persona.name) if is_drawn else f"{avatar} {escaped(open_persona.name)}"
            st.subheader(name, anchor=False, width="content")
            if open_persona.saved_persona:
                favourites.draw_star(open_persona.id)
            with st.container(key=f"standing_{open_persona.standing}", width="content"):
                _draw_badge(open_persona)
            if open_persona.saved_persona and open_persona.stored:
                etags = personas_state().etags_in_list | {open_persona.id: open_persona.stored.etag}
                test_results.draw(test_results.of(etags).get(open_persona.id))
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
            _draw_actions(personas, entries, open_persona)
    with st.container():  # always there: changes in it must not move the editor
        _draw_notes(open_persona)


def draw_problems(open_persona: OpenPersona) -> None:
    """One row per problem: where, what, how to fix it, and the line itself; or what else the text is."""
    if pasted_file.draw(open_persona):
        return
    for number, problem in enumerate(open_persona.problems[:MOST_PROBLEMS]):
        excerpt = line_of(open_persona.text, problem.line)[:EXCERPT_CHARACTERS].strip()
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
    if len(open_persona.problems) > MOST_PROBLEMS:
        st.caption(f"… and {len(open_persona.problems) - MOST_PROBLEMS} more below these.")
    if open_persona.problems:
        st.caption("In the editor, F8 goes from one problem to the next.")
    st.caption("Esc, then Tab leaves the editor.")


def draw_preview(open_persona: OpenPersona) -> None:
    """The exact first request for the current text: readable first, then as it is sent."""
    if open_persona.persona is None:
        st.info("Fix the problems first: a preview needs a valid persona.", icon=":material/visibility_off:")
        return
    try:
        request = _first_request(open_persona.persona)
    except ProviderError as error:
        st.warning(error_text(error), icon=":material/cloud_off:")
        return
    messages = request.body["messages"]
    size = sum(estimate_tokens(str(message["content"])) for message in messages)
    st.caption(
        f"This is sent for a first message of “{SAMPLE}”: about {counted(size, 'token')}, to "
        f"{escaped(request.model)} from {escaped(request.provider)}."
    )
    for message, label in zip(messages, _labels(messages, open_persona.persona), strict=True):
        st.caption(label)
        st.code(str(message["content"]), language=None, wrap_lines=True)
    lore.draw_activations(request.lore, heading="Lore included")
    with st.expander("As sent", icon=":material/data_object:"):
        inspector.draw(replace(request, lore=()))


def _labels(messages: Sequence[Mapping[str, object]], persona: Persona) -> list[str]:
    """What each message is: the last belong to the chat, those between them and the first are examples."""
    labels = [ROLES.get(str(message["role"]), escaped(str(message["role"]))) for message in messages]
    labels[-1] = "Your message"
    if len(labels) > 1 and messages[-2]["role"] == "assistant" and persona.greeting:
        labels[-2] = "Greeting"
    return labels


def _first_request(persona: Persona) -> RequestBody:
    """Raises ProviderError if no model can answer."""
    turn = Turn(new_id(), None, "user", SAMPLE, persona.id, persona.name)
    opening = opening_words(persona)
    greeted = Turn(new_id(), None, "assistant", opening, persona.id, persona.name)
    path = (greeted, turn) if opening else (turn,)
    return session.workspace().inspection.first(persona, path, offline=session.is_offline_chosen())


def _draw_badge(open_persona: OpenPersona) -> None:
    if open_persona.standing == "changed":
        label = "Changed elsewhere" if open_persona.stored else "Deleted elsewhere"
        st.badge(
            label,
            icon=":material/sync_problem:",
            color="violet",
        )
    elif open_persona.standing == "invalid":
        st.badge(f"Invalid ({len(open_persona.problems)})", icon=":material/error:", color="red")
    elif open_persona.standing == "unsaved":
        st.badge("Unsaved", icon=":material/edit:", color="orange")
    elif not storage_notice.personas_are_kept(session.services().settings):
        st.badge("Saved until the restart", icon=":material/schedule:", color="orange")
    else:
        st.badge("Saved", icon=":material/check:", color="green")


def _draw_actions(personas: PersonaStore, entries: Sequence[Entry], open_persona: OpenPersona) -> None:
    st.button(
        "Save as new" if open_persona.saves_as_new else "Save",
        icon=":material/save:",
        type="primary",
        shortcut="Ctrl+S",
        key="save",
        disabled=bool(_why_not_save(open_persona)),
        help=_why_not_save(open_persona) or SAVE_HELP,
        on_click=editing.save,
        args=(personas, open_persona.id),
    )
    if session.why_not_edit(open_persona.id) and open_persona.draft:
        st.download_button(
            "Download my draft",
            data=open_persona.text,
            file_name=f"{open_persona.id}.json",
            mime="application/json",
            icon=":material/download:",
            key="download_draft",
            on_click="ignore",
        )
    if st.button(
        "Chat with it",
        icon=":material/chat:",
        key="chat_with",
        disabled=open_persona.saved_persona is None,
        help=_chat_help(open_persona),
    ):
        st.switch_page("pages/chat.py", query_params={"persona": open_persona.id})
    menu.draw(entries, open_persona)


def _draw_notes(open_persona: OpenPersona) -> None:
    if desk().note:
        st.info(desk().note, icon=":material/edit_note:")
    if kept_drafts.is_behind():
        st.warning(
            "The database can't be reached. Until it can, your edits exist only in this page.",
            icon=":material/cloud_off:",
        )
    if kept_drafts.changed_elsewhere(open_persona.id):
        end = "" if open_persona.draft else " It was saved or discarded there."
        st.info(f"This draft is also open in another tab and was changed there.{end}", icon=":material/tab:")
    if open_persona.standing == "changed":
        what, then = "This persona was deleted", "Saving asks you what to do."
        if open_persona.stored:
            what, then = "A newer version was saved", "Saving keeps both changes."
        st.warning(f"{what} after you started editing. {then}", icon=":material/sync_problem:")
    elif isinstance(open_persona.stored, BrokenPersona) and not open_persona.draft:
        st.warning(
            f"{escaped(open_persona.stored.filename)} has errors and can't be used. Fix it here and save.",
            icon=":material/warning:",
        )
    if open_persona.saves_as_new and open_persona.persona:
        st.info(
            (
                f"The id is now `{open_persona.persona.id}`: saving creates a new persona and leaves "
                f"{escaped(open_persona.id)} unchanged."
            ),
            icon=":material/content_copy:",
        )


def _why_not_save(open_persona: OpenPersona) -> str:
    if why_not := session.why_not_edit(open_persona.id):
        return why_not
    if open_persona.problems:
        count = len(open_persona.problems)
        return f"Fix the {count} problems below first." if count > 1 else ("Fix the problem below first.")
    return "" if open_persona.draft else "There are no changes to save."


def _chat_help(open_persona: OpenPersona) -> str | None:
    if open_persona.saved_persona is None:
        return "Save it first."
    return "The saved version answers. Your unsaved edits stay here." if open_persona.draft else None
