"""Saving a reply of a chat as a test: the exact messages before it, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import yaml

from personachat.conversations.model import Turn
from personachat.errors import PersonaChatError
from personachat.ui import notices, session
from personachat.ui.chat import actions
from personachat.ui.dialogs import dialog
from personachat.ui.wording import error_text, escaped

NAME, KIND, VALUE, REFERENCE = "test_name", "test_kind", "test_value", "test_reference"
MOST_NAME = 60

JUDGE, CONTAINS, NOT_CONTAINS, WORDS = "judge", "contains", "not_contains", "words"
IN_ROLE, NO_LEAK, NOT_REFUSES = "stays_in_role", "no_prompt_leak", "not_refuses"

KINDS = {
    NOT_CONTAINS: "It doesn't contain a text",
    CONTAINS: "It contains a text",
    WORDS: "It has at most so many words",
    IN_ROLE: "It stays in its role",
    NO_LEAK: "It doesn't give its instructions away",
    NOT_REFUSES: "It doesn't refuse",
    JUDGE: "A judge answers a question with yes",
}


@dialog("Save as test", icon=":material/rule:", on_dismiss=actions.close_dialog, width="medium")
def show(turn: Turn) -> None:
    """What the next reply in this place must be like."""
    try:
        here = session.workspace()
        before = _before(turn)
        stored_suite = here.tests.suites.find(turn.persona_id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    if not here.tests.may_edit:
        st.info("You can't change tests here.", icon=":material/lock:")
        return
    if stored_suite and stored_suite.problems:
        st.warning(
            f"The tests of {escaped(turn.persona_name)} have errors. Fix them on the Tests page first."
        )
        return
    st.caption(
        f"{_become(len(before))} part of the tests of {escaped(turn.persona_name)}, word for word. "
        "Everyone who can see the persona's tests can read them."
    )
    text = before[-1].text if before else ""
    st.text_input("Name", value=" ".join(text.split())[:MOST_NAME], max_chars=190, key=NAME)
    kind = st.selectbox(
        "What must be true of the reply?", list(KINDS), format_func=lambda each: KINDS[each], key=KIND
    )
    if kind in {CONTAINS, NOT_CONTAINS}:
        st.text_input("Text", key=VALUE)
    elif kind == WORDS:
        st.number_input("Words", min_value=1, value=80, key=VALUE)
    elif kind == JUDGE:
        st.text_input("Question", placeholder="Does the reply avoid giving the answer?", key=VALUE)
    st.text_area(
        "Reference",
        value=turn.text,
        height=120,
        key=REFERENCE,
        help="Saved with the test for readers and the judge. Change it to what the reply should have said.",
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Save test",
            type="primary",
            icon=":material/save:",
            on_click=_save,
            args=(turn,),
            key="save_test",
        )


def _become(count: int) -> str:
    if count == 1:
        return "The message before this reply becomes"
    return f"The {count:,} messages before this reply become"


def _before(turn: Turn) -> Sequence[Turn]:
    """The messages before the reply, ending with the person's."""
    path = session.workspace().chat.path(turn.id)
    above = [each for each in path if each.id != turn.id]
    while above and above[-1].role != "user":
        above.pop()
    return above


def _save(turn: Turn) -> None:
    text = st.session_state.get(VALUE)
    kind = str(st.session_state[KIND])
    value = True if kind in {IN_ROLE, NO_LEAK, NOT_REFUSES} else text
    value = {"at_most": int(text or 1)} if kind == WORDS else value
    check = yaml.safe_dump([{kind: value}], allow_unicode=True)
    reference = str(st.session_state[REFERENCE])
    try:
        session.workspace().tests.suites.save_case(
            turn.persona_id,
            _before(turn),
            reference=reference,
            name=str(st.session_state[NAME]),
            check=check,
        )
    except PersonaChatError as error:
        notices.say_not_done(error, title="The test wasn't saved")
        return
    actions.close_dialog()
    st.toast(f"Saved in the tests of {escaped(turn.persona_name)}.", icon=":material/rule:")
