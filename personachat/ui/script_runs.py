"""Everything here depends on what Streamlit doesn't document about a run of the script.

A callback that has started runs to its end. Streamlit would abort it at its first access to the session once
another click has come, before it has stored anything; here the next run waits for it.

What was drawn for one person is never acted on for another: if a login has ended or has fewer rights now, no
callback is called, and a fragment runs with its whole page, which checks again.

A request for an unknown fragment is answered by a run of the whole page. Streamlit would drop the click
twice: when the request comes and when its run begins. A session that a server has lost knows no fragments,
and until such a page has come back, only some.
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
"""The attribute of a session with the lock that its runs hold during callbacks."""

_DRAWN_FOR = "page_was_drawn_for"
"""The attribute of a session with the person its page was drawn for."""

_BEGUN = "_has_called_callbacks"

_RESULTS = "_personachat_knows"
"""The attribute of a script with answers that are asked for once."""

_KNOWN_IN_RUN = "_personachat_knows_in_run"

Result = TypeVar("Result")

_PARTS = "_personachat_parts"
"""The attribute of a script with the fragments that are independent parts of the page, such as dialogs."""

_check_requests = ScriptRunner._maybe_handle_execution_control_request
_run_script = ScriptRunner._run_script
_request_run = AppSession.request_rerun


class _Judges:
    """Tells whether a person still acts here; the same on every page."""

    acts_still: Callable[[Any], bool] | None = None


def draw_for(person: object, *, acts_still: Callable[[Any], bool]) -> None:
    """Act on what this page draws only while `acts_still` says that this person does."""
    _Judges.acts_still = acts_still
    _session(_context())._old_state[_DRAWN_FOR] = person


def is_beside_pages() -> bool:
    """Whether pages are served and no run is asking, as when a download is created."""
    return runtime.exists() and get_script_run_ctx() is None


def let_callbacks_finish() -> None:
    """Apply all of this. Call it once per process, before the first visitor; further calls do nothing."""
    AppSession.request_rerun = _request_what_is_known  # type: ignore[method-assign]  # Streamlit has no public way
    ScriptRunner._maybe_handle_execution_control_request = _check_outside_callbacks  # type: ignore[method-assign]  # Streamlit has no public way
    SafeSessionState.on_script_will_rerun = _take_turns  # type: ignore[method-assign]  # Streamlit has no public way
    ScriptRunner._run_script = _run_what_is_known  # type: ignore[method-assign]  # Streamlit has no public way


def _check_outside_callbacks(self: ScriptRunner) -> None:
    """Obey a request to stop or to rerun, which may wait until the callback is done.

    This is checked with every message and every access to the session, and mostly there is none.
    """
    if self._requests._state == ScriptRequestType.CONTINUE:
        return
    if ThreadState.get().run_location != RunLocation.CALLBACK:
        _check_requests(self)


def _request_what_is_known(self: AppSession, client_state: ClientState | None) -> None:
    """Request a run of the whole page instead of one of an unknown fragment."""
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
        self._yield_callback()  # not what the browser sent: the tab that asked may be closed
    object.__setattr__(self, _BEGUN, True)
    state = self._state
    turn: Any = state._old_state.setdefault(_TURN, threading.RLock())
    if not _is_for_its_person(state):
        args, kwargs = (None,), {}  # as if the browser had sent nothing
    with turn, self._lock:
        state.on_script_will_rerun(*args, **kwargs)


def call_changed(starts: str) -> None:
    """Call the callbacks of fields with this key prefix and a new value before their turn.

    A click may come in one message with the fields' contents, and before them. Each callback is called again
    in its turn, so it must notice that nothing is left to do.
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
    """The result of `make`, computed once for a script: its callbacks, its run, and runs right after it.

    For what can't change meanwhile, such as who is using it.
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
    """The result of `make`, computed once in a run of the script; callbacks and the script are one run.

    For what several places of a page read and none changes.
    """
    context = get_script_run_ctx()
    if context is None:
        return make()
    run, results = vars(context).get(_KNOWN_IN_RUN, (None, {}))
    if run is not context.cursors:  # Streamlit gives every run a new one
        results = {}
        vars(context)[_KNOWN_IN_RUN] = (context.cursors, results)
    if make not in results:
        results[make] = make()
    result: Result = results[make]
    return result


def touch() -> None:
    """Let a click that came meanwhile take effect: Streamlit checks for one at every state access."""
    let_parts_in()
    st.session_state.get(_TOUCHED)


# --- parts of a page that run alone -------------------------------------------------------------


def begin_part() -> bool:
    """Mark a fragment as an independent part of the page; returns whether the whole page must run instead.

    It must if the fragment runs alone and a callback was called, since a callback may change anything.
    """
    context = _context()
    vars(context).setdefault(_PARTS, set()).add(ThreadState.get().fragment_id)
    return runs_alone() and _called_back(_session(context))


def has_dialog() -> bool:
    """Whether this run has drawn such a part."""
    return _context().has_dialog_opened


def runs_alone() -> bool:
    """Whether this run is of fragments and not of the whole page."""
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
    """Let a part's run take effect while the page follows a reply, by a run of the whole page.

    Streamlit would delay it until the page's run has ended, that is, until the reply has.
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
    """What the browser sent about widgets that this session never drew, which Streamlit ignores."""
    new_states = _session(_context())._new_widget_state
    return [
        state.value
        for widget_id, state in new_states.states.items()
        if isinstance(state, Serialized) and widget_id not in new_states.widget_metadata
    ]


def forget(states: Iterable[WidgetState]) -> None:
    """Have this run draw the widgets as if the browser hadn't sent these."""
    new_states = _session(_context())._new_widget_state
    for state in states:
        new_states.states.pop(state.id, None)


def is_click(state: WidgetState) -> bool:
    """Whether it is an action, such as a click or a message, and not a lasting value."""
    return _has_active_trigger_value(state)


def key_of(widget_id: str) -> str | None:
    """The key that a widget was drawn with."""
    return user_key_from_element_id(widget_id)


def drawn_widgets() -> dict[str, WidgetMetadata[Any]]:
    """The widgets of this run so far that have a value, by id."""
    context = _context()
    metadata = _session(context)._new_widget_state.widget_metadata
    ids = context.shared.widget_ids_this_run.snapshot()
    return {widget_id: metadata[widget_id] for widget_id in ids if widget_id in metadata}


def run_again(states: Iterable[WidgetState]) -> NoReturn:
    """End this run and start another as if the browser had sent these."""
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
