"""The messages to send: typed, from a file, from a chat, or a list saved under a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from personachat.errors import PersonaChatError
from personachat.lab.comparisons.message_tables import MOST_BYTES, MessageTable, messages_of, read_table
from personachat.lab.comparisons.model import MOST_ROUNDS
from personachat.services.workspace import Workspace
from personachat.ui import undo_line
from personachat.ui.compare import actions, state
from personachat.ui.wording import counted, distinct, error_text, escaped, heard

MOST_CHARACTERS = 200_000
LISTED_CHATS = 50
SHOWN_MESSAGES = 12

_COLUMN, _NAMES, _CHAT, _FILE = "compare_column", "compare_names", "compare_chat", "compare_file"


@dataclass(frozen=True, slots=True)
class Messages:
    """What to send. `texts` is None if it is typed in the field, which is read on the click."""

    texts: tuple[str, ...] | None
    longest: str
    count: int
    set_id: str | None = None


def draw(workspace: Workspace) -> Messages:
    """Draw the choice of messages; returns the choice."""
    st.session_state.setdefault(state.SOURCE, state.WRITTEN)
    source = st.segmented_control(
        "Messages", state.SOURCES, key=state.SOURCE, required=True, label_visibility="collapsed"
    )
    if source == state.WRITTEN:
        return _draw_field()
    if source == state.SAVED_LIST:
        return _draw_saved(workspace)
    texts = _draw_file() if source == state.FROM_FILE else _draw_chat(workspace)
    _draw_preview(texts)
    _draw_saving(texts)
    return _messages_of(texts)


def _messages_of(texts: Sequence[str], *, set_id: str | None = None) -> Messages:
    return Messages(tuple(texts), max(texts, key=len, default=""), len(texts), set_id)


def _draw_field() -> Messages:
    message = state.compare_state().wanted_message
    if message and state.MESSAGE not in st.session_state:
        st.session_state[state.MESSAGE] = message
    st.text_area(
        "Message",
        key=state.MESSAGE,
        max_chars=MOST_CHARACTERS,
        placeholder="Write the message that all variants answer",
    )
    st.toggle("One message per line", key=state.AS_LIST, help="Sends the lines one by one.")
    texts = actions.written()
    if st.session_state.get(state.AS_LIST):
        _draw_saving(texts)
    return Messages(None, max(texts, key=len, default=""), max(1, len(texts)))


def _draw_file() -> tuple[str, ...]:
    file = st.file_uploader(
        "A CSV file, or a text file with one message per line",
        type=["csv", "tsv", "txt"],
        max_upload_size=MOST_BYTES // 1_000_000,
        key=_FILE,
    )
    if file is None:
        state.compare_state().table = None
        st.caption(f"You can then choose the column. A list has up to {MOST_ROUNDS} messages.")
        return ()
    try:
        table = _table(file)
    except PersonaChatError as error:
        st.error(error_text(error), title="The file can't be used", icon=":material/error:")
        return ()
    names = distinct({str(number): name[:80] for number, name in enumerate(table.names)})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        column = st.selectbox(
            "Column",
            range(len(table.names)),
            index=table.likely,
            format_func=lambda number: names[str(number)],
            key=f"{_COLUMN}_{file.file_id}",
            width=260,
        )
        has_names = st.toggle("The first row has the names", table.has_names, key=f"{_NAMES}_{file.file_id}")
    picked = messages_of(table, column, has_names=has_names)
    left_out = [
        *([counted(picked.empty, "empty row")] if picked.empty else []),
        *([counted(picked.repeated, "repeated message")] if picked.repeated else []),
        *([f"{picked.too_many:,} beyond the first {MOST_ROUNDS}"] if picked.too_many else []),
    ]
    if left_out:
        st.caption(f"Left out: {', '.join(left_out)}.")
    return picked.messages


def _table(file: UploadedFile) -> MessageTable:
    """The content of the file, read once and not in every run. Raises QuestionSetInvalid."""
    here = state.compare_state()
    if here.table is None or here.table[0] != file.file_id:
        here.table = (file.file_id, read_table(file.getvalue(), file_name=file.name))
    return here.table[1]


def _draw_chat(workspace: Workspace) -> tuple[str, ...]:
    chats = {each.id: each for each in workspace.library.list(limit=LISTED_CHATS).conversations}
    if not chats:
        st.info("You have no chats yet.", icon=":material/chat:")
        return ()
    titles = distinct({each.id: each.title or "Untitled" for each in chats.values()})
    chat_id = st.selectbox(
        "Chat",
        list(chats),
        format_func=lambda each: titles[each],
        key=_CHAT,
        help="Your own messages in it are sent, one by one.",
    )
    try:
        path = workspace.chat.conversation(chat_id).path
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return ()
    messages = [turn.text.strip() for turn in path if turn.role == "user" and turn.text.strip()]
    if len(messages) > MOST_ROUNDS:
        st.caption(f"Left out: {len(messages) - MOST_ROUNDS:,} beyond the first {MOST_ROUNDS}.")
    return tuple(messages[:MOST_ROUNDS])


def _draw_saved(workspace: Workspace) -> Messages:
    _draw_deleted()
    sets = {each.id: each for each in workspace.comparisons.questions.all()}
    here = state.compare_state()
    if st.session_state.get(state.SET) is not None and st.session_state[state.SET] not in sets:
        here.missing_questions = True
        st.session_state[state.SET] = None
    elif st.session_state.get(state.SET) is not None:
        here.missing_questions = False
    if here.missing_questions:
        st.warning(
            "The saved list in this link was deleted or belongs to somebody else. Choose another one.",
            icon=":material/playlist_remove:",
        )
    if not sets:
        st.info(
            "You have no saved lists yet. Write messages or take them from a file or a chat, then save them.",
            icon=":material/playlist_add:",
        )
        return _messages_of(())
    if st.session_state.get(state.SET) is None and not here.missing_questions:
        st.session_state[state.SET] = next(iter(sets))
    names = distinct({each: sets[each].name for each in sets})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        set_id = st.selectbox(
            "Saved list",
            list(sets),
            index=None,
            format_func=lambda each: names[each],
            key=state.SET,
            placeholder="Choose a list",
            width=360,
        )
        if set_id is None:
            return _messages_of(())
        question_set = sets[set_id]
        with st.popover(heard("Rename the list"), icon=":material/edit:", help="Rename", type="tertiary"):
            st.text_input("Name", question_set.name, key=state.rename_key(set_id), max_chars=200)
            st.button("Rename", key="rename_set", on_click=actions.rename_questions, args=(set_id,))
        st.button(
            heard("Delete the list"),
            icon=":material/delete:",
            help="Delete",
            type="tertiary",
            key="delete_set",
            on_click=actions.delete_questions,
            args=(set_id, question_set.name),
        )
    _draw_preview(question_set.messages)
    return _messages_of(question_set.messages, set_id=set_id)


def _draw_deleted() -> None:
    if deleted := state.compare_state().deleted_questions:
        deleted_id, name = deleted
        words = f"Deleted the list “{escaped(name)}”."
        undo_line.draw(words, deleted_id, key="undo_set", restore=actions.restore_questions)


def _draw_preview(texts: Sequence[str]) -> None:
    if not texts:
        return
    with st.expander(counted(len(texts), "message"), icon=":material/list:", expanded=len(texts) <= 4):
        lines = [
            f"{number}. {escaped(text[:200])}{'…' if len(text) > 200 else ''}"
            for number, text in enumerate(texts[:SHOWN_MESSAGES], 1)
        ]
        st.markdown("\n".join(lines))
        if len(texts) > SHOWN_MESSAGES:
            st.caption(f"And {len(texts) - SHOWN_MESSAGES:,} more.")


def _draw_saving(texts: Sequence[str]) -> None:
    if not texts:
        return
    with st.popover("Save as a list", icon=":material/playlist_add:"):
        st.text_input("Name", key=state.SET_NAME, max_chars=200, placeholder="Everyday questions")
        st.button("Save", key="save_set", on_click=actions.save_questions, args=(tuple(texts),))
