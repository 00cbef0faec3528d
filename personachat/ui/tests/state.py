"""What the session remembers about the Tests page: the open suite and run, and unsaved texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from personachat.lab.adherence import QuestionDraft
from personachat.lab.labelling import ToLabel
from personachat.lab.pair_labels import PairToLabel
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.ui import session
from personachat.ui.personas.editor import Mount

_PAGE = "tests_page"

RESULTS, SUITE, REPLAYS, SWEEPS = "Results", "Suite", "Replay", "Sweep"
ADHERENCE, STRESS, LABELS = "Adherence", "Stress talk", "Label"

SHOWN_CASES = 40
"""Each is drawn with all its replies: more would make the page slow."""


def view_key(persona_id: str) -> str:
    """The key of the choice between results and suite."""
    return f"tests_view_{persona_id}"


@dataclass(slots=True)
class TestsState:
    """`mounts` are the editors on the screen, by persona; each has the typed text."""

    __test__ = False

    mounts: dict[str, Mount] = field(default_factory=dict)
    editing: bool = False
    outcome: str = ""
    count: int = 0
    rows: int = SHOWN_CASES
    """How many cases of a run are drawn."""
    shared_rows: int = SHOWN_CASES
    """How many cases are drawn behind a link to results."""
    labelled: list[ToLabel] = field(default_factory=list)
    """What was labelled in this session, latest last: it can be undone."""
    labelled_pairs: list[PairToLabel] = field(default_factory=list)
    """The same for pairs of replies."""
    skipped: set[str] = field(default_factory=set)
    """Keys of replies that were skipped."""
    awaited: str = ""
    """The id of a run that a save starts in the background."""
    question_drafts: dict[str, QuestionDraft] = field(default_factory=dict)
    """The questions that a model drafts, by persona, until they are in the field."""
    go_to: str = ""
    """The persona whose draft is opened next."""
    imports: int = 0
    """How many files were imported: the next one gets a new field."""


def tests_state() -> TestsState:
    return cast("TestsState", st.session_state.setdefault(_PAGE, TestsState()))


def mount_of(persona_id: str, stored_suite: StoredSuite | None, *, beginning: str) -> Mount:
    """The editor of a suite. A stored text that changed replaces one in which nothing was typed."""
    here = tests_state()
    etag, text = (stored_suite.etag, stored_suite.text) if stored_suite else (None, beginning)
    mount = here.mounts.get(persona_id)
    untouched = mount is not None and mount.text_now == mount.base_text
    if mount is None or (untouched and mount.base_text != text):
        here.count += 1
        mount = here.mounts[persona_id] = Mount(f"tests-{persona_id}", here.count, text, text, etag)
    elif not mount.alive:  # another page was open: the component begins with the typed text
        here.count += 1
        last_text, begun, version = mount.last_text, mount.base_text, mount.etag
        mount = here.mounts[persona_id] = Mount(f"tests-{persona_id}", here.count, last_text, begun, version)
    mount.last_text = mount.text_now
    return mount


def replace_text(persona_id: str, mount: Mount, text: str) -> None:
    """Show this unsaved text in a new editor, over the same stored version."""
    here = tests_state()
    here.count += 1
    new = Mount(f"tests-{persona_id}", here.count, text, mount.base_text, mount.etag)
    here.mounts[persona_id] = new


def forget(persona_id: str) -> None:
    """Show the stored text in the editor."""
    tests_state().mounts.pop(persona_id, None)


def open_run(run_id: str | None) -> None:
    session.remember("run", run_id)


def run_open() -> str | None:
    return session.remembered("run")
