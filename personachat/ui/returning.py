"""A page that comes back without its session: the computer slept for long, or the server restarted.

The browser then sends what its widgets contain, and the click or message that made it send. A new session has
drawn no widget yet, so Streamlit calls no callback and the click is lost. Here it is kept. First the page is
drawn as for a new visitor; then the widgets get their values back, which may draw more; then the click
follows. Each step is a run of its own, so that callbacks are called as usual. If something can't be done any
more, the page says so, and shows text that has no field any more.

A page's marks, and the widgets it comes back with, tell what was open. `Restore` functions open it again,
even if the browser only asks for the end of an interrupted run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState

from personachat.ui import marks, notices, page_behaviour, script_runs
from personachat.ui.notices import Notice
from personachat.ui.wording import as_text

_COMING = "coming_back"

MOST_STEPS = 6
"""How many runs may give widgets their values before the click is delivered."""

WORDS = ("form-", "words_")
"""Prefixes of the keys of fields whose text is shown if the field no longer exists."""

QUIET = ("stop_", "pause_", "resume_", "dismiss_", "cancel_")
"""Prefixes of the keys of buttons that needn't be reported if they are gone, such as an ended reply's."""


SAME: dict[str | None, str] = {"undo_bulk": "undo_delete", "dismiss_bulk": "dismiss_undo"}
"""Buttons that a session with only the database draws differently."""

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class ReturnedWidgets:
    """The widgets' contents that a page came back with."""

    states: tuple[WidgetState, ...]

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(key for state in self.states if (key := script_runs.key_of(state.id)))

    def json(self, key: str) -> Any:
        """The value of a component; None if there is none."""
        for state in self.states:
            if script_runs.key_of(state.id) == key and state.json_value:
                return json.loads(state.json_value)
        return None

    def text(self, key: str) -> str:
        """The value of a widget that contains text; "" if there is none."""
        texts = (state.string_value for state in self.states if script_runs.key_of(state.id) == key)
        return next(texts, "")

    def mark(self, name: str, kind: type[Mark]) -> Mark | None:
        """What the page stored in the mark with that name; None if nothing."""
        return marks.read_mark(self.states, name, kind)

    def any(self, *keys: str) -> bool:
        return not self.keys.isdisjoint(keys)

    def checked(self, start: str) -> list[str]:
        """The rest of the keys of checked checkboxes with this prefix."""
        keys = [key for state in self.states if state.bool_value and (key := script_runs.key_of(state.id))]
        return sorted(key.removeprefix(start) for key in keys if key.startswith(start))

    def after(self, *starts: str) -> list[str]:
        """The rest of the keys with this prefix."""
        return sorted(
            key.removeprefix(start) for key in self.keys for start in starts if key.startswith(start)
        )


Restore: TypeAlias = Callable[[ReturnedWidgets], None]
"""Reopens what a page had open, as far as the keys of its widgets tell."""


@dataclass(slots=True)
class _Coming:
    """What the browser sent, and which of it was delivered, by the widgets' ids."""

    settle: Callable[[], None]
    values: dict[str, WidgetState] = field(default_factory=dict)
    clicks: dict[str, WidgetState] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    steps: int = 0

    def take(self, states: Iterable[WidgetState]) -> None:
        for state in states:
            (self.clicks if script_runs.is_click(state) else self.values)[state.id] = state


def begin(*restores: Restore, settle: Callable[[], None]) -> None:
    """Call it before anything is drawn: it takes what a browser sends that this session doesn't know.

    `settle` is called once all values are delivered, before the click is.
    """
    if _COMING in st.session_state:
        coming = cast("_Coming | None", st.session_state[_COMING])
        if coming:
            coming.take(unknown := script_runs.unknown_states())
            script_runs.forget(unknown)
        return
    unknown = script_runs.unknown_states()
    coming = _Coming(settle)
    coming.take(unknown)
    st.session_state[_COMING] = coming if unknown else None  # the first run of a session
    if not unknown:
        return
    script_runs.forget(unknown)
    widgets = ReturnedWidgets(tuple(unknown))
    for restore in restores:
        restore(widgets)


def in_progress() -> bool:
    """Whether this run only draws the page for what is still to be delivered."""
    return st.session_state.get(_COMING) is not None


def finish() -> None:
    """Call it once all widgets are drawn: it delivers what it can, which ends this run."""
    coming = cast("_Coming | None", st.session_state.get(_COMING))
    if coming is None:
        return
    widgets = script_runs.drawn_widgets()
    by_key = {script_runs.key_of(widget_id): widget_id for widget_id in widgets}
    values = _addressed(coming.values.values(), widgets, by_key)
    if coming.steps < MOST_STEPS and not coming.delivered.issuperset(values):
        coming.steps += 1
        coming.delivered.update(values)
        script_runs.run_again(values.values())
    clicks = _addressed(coming.clicks.values(), widgets, by_key)
    possible = {each: click for each, click in clicks.items() if not widgets[each].disabled}
    not_done = _not_done(coming, values, possible, by_key)
    coming.settle()
    st.session_state[_COMING] = None
    notices.say("return", *not_done)
    script_runs.run_again((*values.values(), *possible.values()))


def stop() -> NoReturn:
    """End a page early, as `st.stop` does."""
    finish()
    st.stop()


def draw_not_done() -> None:
    """Report once what wasn't done, with the text that would be lost."""
    if in_progress():
        return
    for notice in notices.take("return"):
        if notice.text:
            st.warning(notice.text, title=notice.title, icon=notice.icon)
        for words in notice.words:
            st.caption("What you wrote:")
            st.code(words, language=None, wrap_lines=True)


def _addressed(
    states: Iterable[WidgetState], widget_ids: Iterable[str], by_key: dict[str | None, str]
) -> dict[str, WidgetState]:
    """The values of drawn widgets, by the id that each widget has now."""
    here = frozenset(widget_ids)
    addressed_values = {}
    for state in states:
        key = script_runs.key_of(state.id)
        widget_id = state.id if state.id in here else _by_key(by_key, key)
        if widget_id:
            again = WidgetState()
            again.CopyFrom(state)
            again.id = widget_id
            addressed_values[widget_id] = again
    return addressed_values


def _by_key(by_key: dict[str | None, str], key: str | None) -> str | None:
    """The widget that has a key now, or does the same."""
    names = (key, SAME.get(key))
    return next((by_key[name] for name in names if name and name in by_key), None)


def _not_done(
    coming: _Coming,
    values: dict[str, WidgetState],
    clicks: dict[str, WidgetState],
    by_key: dict[str | None, str],
) -> list[Notice]:
    """What couldn't be delivered: the click, chosen files, and text without a field."""
    lost = [
        click
        for click in coming.clicks.values()
        if click.id not in clicks
        and _by_key(by_key, script_runs.key_of(click.id)) not in clicks
        and not page_behaviour.asks_only_for_a_run(click.id, click.json_trigger_value)
    ]
    clicked = any(not (script_runs.key_of(click.id) or "").startswith(QUIET) for click in lost)
    words = [click.chat_input_value.data for click in lost]
    placed = {script_runs.key_of(each) for each in values}
    words += [
        value.string_value
        for value in coming.values.values()
        if value.id not in values
        and (key := script_runs.key_of(value.id)) not in placed
        and (clicked or (key or "").startswith(WORDS))
        and not marks.is_mark(value)
    ]
    files = [
        file.name
        for value in coming.values.values()
        for file in value.file_uploader_state_value.uploaded_file_info
    ]
    not_done = []
    if clicked:
        not_done.append(
            Notice(
                "The connection was lost for a while, so your last action was not carried out. "
                "Please do it again.",
                "Not done",
                ":material/wifi_off:",
            )
        )
    if files:
        names = ", ".join(f"“{as_text(name)}”" for name in files)
        not_done.append(
            Notice(
                f"The connection was lost for a while, and {names} went with it. "
                "Please choose the file again.",
                "Files were lost",
                ":material/upload_file:",
            )
        )
    if lines := tuple(filter(str.strip, words)):
        not_done.append(Notice("", words=lines))
    return not_done
