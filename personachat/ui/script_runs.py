"""What Streamlit does not document about a run of the script: everything that needs it is here.

A callback that has begun runs to its end. Streamlit would break it off at its first touch of the session once
another click has come, which is before it has stored anything; the next run waits for it instead.

What was drawn for somebody is acted on for nobody else: where a login has ended, or may do less by now, no
callback is called, and a fragment runs with its whole page, which judges again.

A fragment that the session does not know is answered by a run of the whole page. Streamlit would drop what
was clicked in it, twice: as the browser's request comes, and as its run begins. A session that a server has
lost knows none, and until such a page has come back, only some.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

import streamlit as st
from streamlit import runtime
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import RerunData, RerunException, ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import (
    ScriptRequestType,
    _has_active_trigger_value,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ScriptRunContext, ThreadState
from streamlit.runtime.state.common import WidgetMetadata, user_key_from_element_id
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import Serialized, SessionState

_TOUCHED = "touch"

_TURN = "turn_of_callbacks"
"""Where a session has the lock that its runs take for their callbacks."""

_DRAWN_FOR = "page_was_drawn_for"
"""Where a session has whom its page was drawn for."""

_BEGUN = "_has_called_callbacks"

_RESULTS = "_personachat_knows"
"""Where a script has what was asked once."""

_KNOWN_IN_RUN = "_personachat_knows_in_run"

Result = TypeVar("Result")

_PARTS = "_personachat_parts"
"""Where a script has the fragments that are parts of the page which run alone, such as dialogs."""

_check_requests = ScriptRunner._maybe_handle_execution_control_request
_run_script = ScriptRunner._run_script
_request_run = AppSession.request_rerun


class _Judges:
    """Who says whether a person acts still; every page names the same."""

    acts_still: Callable[[Any], bool] | None = None


def draw_for(person: object, *, acts_still: Callable[[Any], bool]) -> None:
    """Act on what this page draws only as long as `acts_still` says so of this person."""
    _Judges.acts_still = acts_still
    _session(_context())._old_state[_DRAWN_FOR] = person


def is_beside_pages() -> bool:
    """Whether pages are served, and whoever asks runs for none of them, as what makes a download does."""
    return runtime.exists() and get_script_run_ctx() is None


def let_callbacks_finish() -> None:
    """Make Streamlit do so; once per process, before the first visitor, and again changes nothing."""
    AppSession.request_rerun = _request_what_is_known  # type: ignore[method-assign]  # Streamlit has no public way
    ScriptRunner._maybe_handle_execution_control_request = _check_outside_callbacks  # type: ignore[method-assign]  # Streamlit has no public way
    SafeSessionState.on_script_will_rerun = _take_turns  # type: ignore[method-assign]  # Streamlit has no public way
    ScriptRunner._run_script = _run_what_is_known  # type: ignore[method-assign]  # Streamlit has no public way


def _check_outside_callbacks(self: ScriptRunner) -> None:
    """Obey a request to stop or to begin again, which can wait until the callback is done.

    It is looked for with every message and every look at the session, and mostly there is none.
    """
    if self._requests._state == ScriptRequestType.CONTINUE:
        return
    if ThreadState.get().run_location != RunLocation.CALLBACK:
        _check_requests(self)


def _request_what_is_known(self: AppSession, client_state: ClientState | None) -> None:
    """Ask for a run of the whole page in place of one of an unknown fragment."""
    fragment_id = client_state.fragment_id if client_state and not client_state.is_auto_rerun else ""
    if client_state and fragment_id and not self.has_fragment(fragment_id):
        whole = ClientState()
        whole.CopyFrom(client_state)
        whole.fragment_id = ""
        client_state = whole
    _request_run(self, client_state)


def _run_what_is_known(self: ScriptRunner, rerun_data: RerunData) -> None:
    fragment_ids = rerun_data.fragment_id_queue
    is_unknown = not rerun_data.is_auto_rerun and not any(map(self._fragment_storage.contains, fragment_ids))
    if fragment_ids and (is_unknown or not _is_for_its_person(self._session_state._state)):
        rerun_data = replace(rerun_data, fragment_id_queue=[], is_fragment_scoped_rerun=False)
    _run_script(self, rerun_data)


def _is_for_its_person(state: SessionState) -> bool:
    drawn_for = state._old_state.get(_DRAWN_FOR)
    return drawn_for is None or not _Judges.acts_still or _Judges.acts_still(drawn_for)


def _take_turns(self: SafeSessionState, *args: Any, **kwargs: Any) -> None:
    """Take in what the browser sent and call the callbacks, one run of a session after the other."""
    if _BEGUN in vars(self):
        self._yield_callback()  # no longer what the browser sent: whoever asked for this run may be gone
    object.__setattr__(self, _BEGUN, True)
    state = self._state
    turn: Any = state._old_state.setdefault(_TURN, threading.RLock())
    if not _is_for_its_person(state):
        args, kwargs = (None,), {}  # as if the browser had sent nothing
    with turn, self._lock:
        state.on_script_will_rerun(*args, **kwargs)


def call_changed(starts: str) -> None:
    """Call the callbacks of fields whose keys begin so and that have a new value, before it is their turn.

    A click may come in one message with what is still in the fields, and ahead of it. Each callback is called
    again when its turn comes, so it has to see by itself that there is nothing left to do.
    """
    state = _session(_context())
    new_states = state._new_widget_state
    for widget_id in list(new_states.states):
        metadata = new_states.widget_metadata.get(widget_id)
        if metadata is None or not (key_of(widget_id) or "").startswith(starts):
            continue
        is_click = "trigger" in (metadata.value_type or "")
        if not is_click and state._widget_changed(widget_id):
            new_states.call_callback(widget_id)


def once(make: Callable[[], Result]) -> Result:
    """What `make` gives, asked once for a script: its callbacks, its run, and runs that follow at once.

    For what cannot change meanwhile, such as who sits in front of it.
    """
    context = get_script_run_ctx()
    if context is None:
        return make()
    results: dict[Callable[[], Any], Any] = vars(context).setdefault(_RESULTS, {})
    if make not in results:
        results[make] = make()
    value: Result = results[make]
    return value


def once_a_run(make: Callable[[], Result]) -> Result:
    """What `make` gives, asked once in one run of the script; callbacks and the script count as one.

    For what several places of a page read and none of them changes.
    """
    context = get_script_run_ctx()
    if context is None:
        return make()
    run, results = vars(context).get(_KNOWN_IN_RUN, (None, {}))
    if run is not context.cursors:  # Streamlit gives every run new ones
        results = {}
        vars(context)[_KNOWN_IN_RUN] = (context.cursors, results)
    if make not in results:
        results[make] = make()
    result: Result = results[make]
    return result


def touch() -> None:
    """Let a click that came meanwhile take effect: Streamlit looks for one at every state access."""
    let_parts_in()
    st.session_state.get(_TOUCHED)


# --- parts of a page that run alone -------------------------------------------------------------


def begin_part() -> bool:
    """Say, in a fragment, that it is a part of the page; gives whether the whole page has to run instead.

    That is so if it runs alone and a callback was called: what a callback changes is the page's affair.
    """
    context = _context()
    vars(context).setdefault(_PARTS, set()).add(ThreadState.get().fragment_id)
    return runs_alone() and _called_back(_session(context))


def has_dialog() -> bool:
    """Whether this run has drawn one."""
    return _context().has_dialog_opened


def runs_alone() -> bool:
    """Whether this run is of fragments, and not of the whole page."""
    return bool(_context().fragment_ids_this_run)


def _called_back(state: SessionState) -> bool:
    new_states = state._new_widget_state
    return any(
        (metadata := new_states.widget_metadata.get(widget_id))
        and (metadata.callback or metadata.callbacks)
        and state._widget_changed(widget_id)
        for widget_id in list(new_states.states)
    )


def let_parts_in() -> None:
    """Let a part's run take effect while the page follows a reply: by a run of the whole page.

    Streamlit has it wait until the page's run has ended, which is when the reply has.
    """
    context = get_script_run_ctx()
    requests = context.script_requests if context else None
    if context is None or requests is None or context.fragment_ids_this_run:
        return
    parts = vars(context).get(_PARTS)
    if parts and not parts.isdisjoint(requests._rerun_data.fragment_id_queue):
        with requests._lock:
            requests._rerun_data = replace(requests._rerun_data, fragment_id_queue=[])


# --- what a browser sends to a session that does not know it ---------------------------------------


def unknown_states() -> list[WidgetState]:
    """What the browser sent of widgets that this session has never drawn; Streamlit ignores it."""
    new_states = _session(_context())._new_widget_state
    return [
        state.value
        for widget_id, state in new_states.states.items()
        if isinstance(state, Serialized) and widget_id not in new_states.widget_metadata
    ]


def forget(states: Iterable[WidgetState]) -> None:
    """Have this run draw the widgets as if the browser had not sent these."""
    new_states = _session(_context())._new_widget_state
    for state in states:
        new_states.states.pop(state.id, None)


def is_click(state: WidgetState) -> bool:
    """Whether it is something done, such as a click or a message sent, and no value that stays."""
    return _has_active_trigger_value(state)


def key_of(widget_id: str) -> str | None:
    """The key that a widget was drawn with."""
    return user_key_from_element_id(widget_id)


def drawn_widgets() -> dict[str, WidgetMetadata[Any]]:
    """The widgets of this run so far that hold a value, by id."""
    context = _context()
    metadata = _session(context)._new_widget_state.widget_metadata
    ids = context.shared.widget_ids_this_run.snapshot()
    return {widget_id: metadata[widget_id] for widget_id in ids if widget_id in metadata}


def run_again(states: Iterable[WidgetState]) -> NoReturn:
    """End this run, and begin another as if the browser had sent these."""
    context = _context()
    raise RerunException(
        RerunData(
            query_string=context.query_string,
            page_script_hash=context.page_script_hash,
            widget_states=WidgetStates(widgets=states),
            cached_message_hashes=context.cached_message_hashes,
            context_info=context.context_info,
        )
    )


def _context() -> ScriptRunContext:
    context = get_script_run_ctx()
    assert context, "called outside a run of the script"
    return context


def _session(context: ScriptRunContext) -> SessionState:
    return context.session_state._state
