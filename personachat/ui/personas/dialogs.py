"""The personas page's questions: where to start a new one, whether to delete, which version to keep.

A dialog stays open over reruns (a late keystroke from the editor causes one) until it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from personachat.errors import PersonaChanged
from personachat.personas import limits
from personachat.personas.diff import differences
from personachat.personas.persona import Persona
from personachat.personas.store.base import BrokenPersona, PersonaStore, StoredPersona
from personachat.ui.dialogs import dialog
from personachat.ui.personas import actions as editing
from personachat.ui.personas import diff as differences_view
from personachat.ui.personas import drafting, merging
from personachat.ui.personas import templates as gallery
from personachat.ui.personas.desk import Entry, OpenPersona, desk, name_of
from personachat.ui.personas.texts import diff, id_in, names_with_ids
from personachat.ui.wording import distinct, escaped

_CANCEL_RENAME = "cancel_rename"
_CONFIRM_RENAME = "confirm_rename"

BLANK_START = ""
NAMES_IN_SIGHT, NAMES_PIXELS, MOST_NAMES = 10, 280, 500
NAME, START = "new_persona_name", "new_persona_start"
TEMPLATES, DESCRIBE, BLANK = "Templates", drafting.DESCRIBE_TAB, "Blank or a copy"


def draw(personas: PersonaStore, entries: Sequence[Entry], open_persona: OpenPersona | None) -> None:
    """Draw the open question, if there is one."""
    question = desk().question
    if question is None:
        return
    if question.kind == "create":
        ask_create(entries)
    elif question.kind == "delete_many":
        ask_delete_many(entries, question.chosen)
    elif open_persona is None or open_persona.id != question.persona_id:
        editing.close_question()
    elif question.kind == "rename":
        (ask_new_id if open_persona.saved_persona else ask_rename)(personas, open_persona)
    elif question.kind == "delete":
        ask_delete(personas, open_persona)
    elif question.theirs is not None:
        ask = merging.ask_merge if question.kind == "merge" else ask_conflict
        ask(personas, open_persona, question.theirs)


@dialog(
    "Create a persona",
    width="large",
    icon=":material/person_add:",
    on_dismiss=editing.close_question,
    alone=True,
)
def ask_create(entries: Sequence[Entry]) -> None:
    tabs = (TEMPLATES, DESCRIBE, BLANK)
    templates, describe, blank = st.tabs(tabs, key=drafting.CREATE_TAB_KEY, on_change="rerun")
    with templates:
        gallery.draw(entries)
    with describe:
        drafting.draw_form()
    with blank:
        _draw_blank(entries)


def _draw_blank(entries: Sequence[Entry]) -> None:
    starts = {entry.id: entry.persona for entry in entries if isinstance(entry, StoredPersona)}
    names = distinct({BLANK_START: "Blank"} | {each: f"A copy of {starts[each].name}" for each in starts})
    st.text_input(
        "Name",
        placeholder="New persona",
        max_chars=limits.NAME,
        key=NAME,
        live=True,
        persist_state="session",
    )
    st.selectbox(
        "Starting point",
        [BLANK_START, *starts],
        format_func=lambda persona_id: names.get(persona_id, persona_id),
        key=START,
    )
    st.caption("It opens in the editor. Nothing is saved until you save it.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="cancel_create", on_click=editing.close_question)
        st.button(
            "Create",
            type="primary",
            key="confirm_create",
            on_click=_create,
            args=(entries, starts),
        )


def _create(entries: Sequence[Entry], starts: Mapping[str, Persona]) -> None:
    start = str(st.session_state.get(START) or BLANK_START)
    editing.create(entries, name=str(st.session_state.get(NAME) or ""), start=starts.get(start))
    st.session_state[NAME] = ""


@dialog("Delete this persona?", icon=":material/delete:", on_dismiss=editing.close_question)
def ask_delete(personas: PersonaStore, open_persona: OpenPersona) -> None:
    st.markdown(
        f"**{escaped(open_persona.name)}** is deleted for everyone. You can undo this right afterwards."
    )
    if open_persona.draft and open_persona.draft.etag is not None:
        st.caption("Its unsaved edits are deleted too. Undo restores them.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="cancel_delete", on_click=editing.close_question)
        st.button(
            "Delete",
            icon=":material/delete:",
            key="confirm_delete",
            on_click=editing.delete,
            args=(personas, open_persona.id),
            kwargs={"etag": open_persona.stored.etag if open_persona.stored else None},
        )


@dialog("Rename this persona", icon=":material/edit:", on_dismiss=editing.close_question, alone=True)
def ask_new_id(personas: PersonaStore, open_persona: OpenPersona) -> None:
    st.caption(
        f"The id of {escaped(open_persona.name)} is its name in web addresses, in the API and as a file. Its "
        "revisions, links, drafts and chats move with it. The old id redirects to the new one until "
        "another persona uses it."
    )
    st.text_input("New id", open_persona.id, key=editing.NEW_ID_KEY, max_chars=limits.ID, live=True)
    typed = str(st.session_state.get(editing.NEW_ID_KEY) or "").strip()
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key=_CANCEL_RENAME, on_click=editing.close_question)
        st.button(
            "Rename",
            type="primary",
            key=_CONFIRM_RENAME,
            disabled=typed in {"", open_persona.id},
            help="Enter a different id first." if typed in {"", open_persona.id} else None,
            on_click=editing.rename,
            args=(personas, open_persona.id),
            kwargs={"etag": open_persona.stored.etag if open_persona.stored else ""},
        )


@dialog("Rename the file", icon=":material/edit:", on_dismiss=editing.close_question, alone=True)
def ask_rename(personas: PersonaStore, open_persona: OpenPersona) -> None:
    st.caption(
        f"{escaped(open_persona.name)} doesn't contain a valid persona. Renaming keeps its text as it is."
    )
    st.text_input(
        "New name (without .json)",
        id_in(open_persona.text) or open_persona.id,
        key=editing.NEW_ID_KEY,
        live=True,
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key=_CANCEL_RENAME, on_click=editing.close_question)
        st.button(
            "Rename",
            type="primary",
            key=_CONFIRM_RENAME,
            on_click=editing.rename_file,
            args=(personas, open_persona.id),
            kwargs={"etag": open_persona.stored.etag if open_persona.stored else ""},
        )


@dialog("Delete these personas?", icon=":material/delete:", on_dismiss=editing.close_question)
def ask_delete_many(entries: Sequence[Entry], ids: Sequence[str]) -> None:
    there = {entry.id: entry for entry in entries}
    names = list(names_with_ids({each: name_of(there[each]) for each in ids if each in there}).values())
    verb = "is" if len(names) == 1 else "are"
    st.markdown(
        f"**{_counted(len(names))}** {verb} deleted for everyone. You can undo this right afterwards."
    )
    with st.container(height=NAMES_PIXELS if len(names) > NAMES_IN_SIGHT else "content", border=False):
        st.markdown("\n".join(f"- {escaped(name)}" for name in names[:MOST_NAMES]))
        if len(names) > MOST_NAMES:
            st.caption(f"… and {len(names) - MOST_NAMES:,} more.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="cancel_delete_many", on_click=editing.close_question)
        st.button(
            f"Delete {_counted(len(names))}",
            icon=":material/delete:",
            key="confirm_delete_many",
            on_click=editing.delete_many,
            args=(
                tuple(ids),
                names[0] if names else "",
                frozenset(each for each in ids if isinstance(there.get(each), BrokenPersona)),
            ),
        )


def _counted(count: int) -> str:
    return "1 persona" if count == 1 else f"{count:,} personas"


@dialog("Changed elsewhere", width="large", icon=":material/sync_problem:", on_dismiss=editing.close_question)
def ask_conflict(personas: PersonaStore, open_persona: OpenPersona, theirs: PersonaChanged) -> None:
    name = escaped(open_persona.name)
    if theirs.text is None:
        st.markdown(f"**{name}** was deleted after you opened it. Your text is still here.")
        st.code(open_persona.text, language="json", wrap_lines=True, height=320)
    else:
        st.markdown(f"A newer version of **{name}** was saved after you opened it. Nothing is lost yet.")
        difference, lines, side_by_side = st.tabs(["What differs", "Line by line", "Both versions"])
        with difference:
            st.caption(f"Changes that saving your version would make. {differences_view.LEGEND}")
            with st.container(height=320, border=False):
                differences_view.draw(differences(theirs.text, open_persona.text))
        with lines:
            st.caption(
                "Changes that saving your version would make: lines with - are removed, lines "
                "with + are added."
            )
            st.code(diff(theirs.text, open_persona.text), language="diff", wrap_lines=True, height=320)
        with side_by_side:
            left, right = st.columns(2)
            left.caption("Theirs (saved)")
            left.code(theirs.text, language="json", wrap_lines=True, height=320)
            right.caption("Yours (not saved)")
            right.code(open_persona.text, language="json", wrap_lines=True, height=320)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep editing", key="conflict_edit", on_click=editing.close_question)
        st.button(
            "Discard mine" if theirs.text is None else "Use theirs",
            key="conflict_theirs",
            on_click=editing.discard,
            args=(open_persona.id,),
        )
        keep = "Save mine again" if theirs.text is None else "Overwrite with mine"
        st.button(
            keep,
            key="conflict_mine",
            type="primary",
            disabled=bool(open_persona.problems),
            on_click=editing.keep_mine,
            args=(personas, open_persona.id, theirs),
        )
