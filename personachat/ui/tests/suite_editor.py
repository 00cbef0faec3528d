"""A suite as text, with the problems on their lines, and as a form beside it; only a valid one is saved."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.suites.promptfoo import read_promptfoo, write_promptfoo
from personachat.lab.suites.reading import problems_of
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.lab.suites.writing import with_cases
from personachat.lab.testing import Tests
from personachat.personas.persona import Persona
from personachat.stamps import now
from personachat.ui import notices
from personachat.ui.personas import editor
from personachat.ui.personas.editor import Mount
from personachat.ui.tests import form
from personachat.ui.tests.state import RESULTS, forget, mount_of, replace_text, tests_state, view_key
from personachat.ui.wording import counted, escaped

MOST_PROBLEMS = 10

BEGINNING = """\
persona: {id}
repeat: 3
cases:
  - name: Introduces itself briefly
    say: Who are you?
    check:
      - words: {{ at_most: 80 }}
      - language: en
      - no_prompt_leak: true
"""


def draw(tests: Tests, persona: Persona, stored_suite: StoredSuite | None) -> None:
    persona_id = persona.id
    mount = mount_of(persona_id, stored_suite, beginning=BEGINNING.format(id=persona_id))
    problems = problems_of(mount.text_now)
    changed = stored_suite is None or mount.text_now != stored_suite.text
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if problems:
            st.badge(counted(len(problems), "error"), icon=":material/error:", color="red")
        else:
            st.badge("Unsaved" if changed else "Saved", color="orange" if changed else "green")
        st.space("stretch")
        st.button(
            "Discard",
            icon=":material/undo:",
            disabled=not changed or stored_suite is None,
            on_click=forget,
            args=(persona_id,),
            key="discard_suite",
        )
        st.button(
            "Save",
            type="primary",
            icon=":material/save:",
            disabled=bool(problems) or not changed or not tests.may_edit,
            help=_why_not(tests, problems=bool(problems), changed=changed),
            on_click=_save,
            args=(tests, persona_id, mount),
            key="save_suite",
        )
    for problem in problems[:MOST_PROBLEMS]:
        st.markdown(f":material/error: Line {problem.line}: {escaped(problem.message)}")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        editor.draw(mount, problems=problems, line=None, mode="yaml")
    with right, st.container(key="suite_form"):
        form.draw(tests, persona_id, mount)
    _draw_promptfoo(persona, mount, stored_suite)


def _draw_promptfoo(persona: Persona, mount: Mount, stored_suite: StoredSuite | None) -> None:
    """Import and export of promptfoo's tests."""
    here = tests_state()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        file = st.file_uploader(
            "Import promptfoo tests",
            type=["yaml", "yml", "json"],
            max_upload_size=1,
            key=f"promptfoo_{persona.id}_{here.imports}",
            help="Its tests are added to the text above. Then save it.",
        )
        if file is not None:
            _take_in(persona.id, mount, file.getvalue())
            st.rerun()
        if stored_suite and stored_suite.suite:
            text, losses = write_promptfoo(stored_suite.suite, persona, today=f"{now():%Y-%m-%d}")
            st.download_button(
                "Export for promptfoo",
                text.encode(),
                f"{persona.id}.promptfooconfig.yaml",
                "application/yaml",
                icon=":material/download:",
                help=escaped(" ".join(losses)) or None,
                on_click="ignore",
                key="export_promptfoo",
            )


def _take_in(persona_id: str, mount: Mount, content: bytes) -> None:
    """Add the tests of a file to the text in the editor, unsaved."""
    here = tests_state()
    here.imports += 1
    try:
        text, losses = read_promptfoo(content.decode("utf-8", "replace"), persona_id=persona_id)
        merged = text if mount.etag is None else with_cases(mount.text_now, text)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The tests weren't imported")
        return
    replace_text(persona_id, mount, merged)
    left_out = f" {' '.join(losses)}" if losses else ""
    here.outcome = escaped(f"Tests were imported. Save them to keep them.{left_out}")


def _why_not(tests: Tests, *, problems: bool, changed: bool) -> str | None:
    if not tests.may_edit:
        return "You can't change tests here."
    if problems:
        return "Fix the errors first."
    return None if changed else "Nothing has changed."


def _save(tests: Tests, persona_id: str, mount: Mount) -> None:
    try:
        tests.suites.save(persona_id, mount.text_now, etag=mount.etag or "")
    except PersonaChatError as error:
        notices.say_not_done(error, title="The tests weren't saved")
        return
    forget(persona_id)
    here = tests_state()
    here.outcome = "Tests saved."
    if here.editing:  # the first tests: now they can be run
        here.editing = False
        st.session_state[view_key(persona_id)] = RESULTS
