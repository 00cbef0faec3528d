"""How a script's output gets to the browser, with fewer steps of the server's loop than in Streamlit.

Streamlit wakes the loop twice for each message of a run, and a run of the chat page has over a hundred. Here
everything that has arrived by the time the loop gets there is handled at once, in the same order, and leaves
with one system call. The theme, which is sent with every run, is computed once. Everything here depends on
undocumented parts of Streamlit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import Runtime, app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.session_manager import ActiveSessionInfo

_WAITING = "_personachat_waiting"
"""The attribute of a session with what still has to be done on the loop."""

_PLACES = "_personachat_places"
"""The attribute of a session with what its page contains."""

MOST_TOGETHER = 50
"""How many messages are sent before others get a turn. With 500 waiting, a browser counts as lost."""

_on_event = AppSession._on_scriptrunner_event
_call_soon = AppSession._call_soon_on_event_loop
_message_enqueued = Runtime._enqueued_some_message
_flush = AppSession.flush_browser_queue
_send = Runtime._send_message
_fill_in_theme = app_session._populate_theme_msg


class _Waiting:
    """Calls to make on the loop, in order. Any thread may add some; only the loop removes them."""

    def __init__(self) -> None:
        self.callbacks: deque[Callable[[], None]] = deque()
        self.is_planned = False


def send_together() -> None:
    """Apply all of this. Call it once per process, before the first visitor; further calls do nothing."""
    AppSession._on_scriptrunner_event = _take_in  # type: ignore[assignment,method-assign]  # Streamlit has no public way
    AppSession._call_soon_on_event_loop = _call_together  # type: ignore[method-assign]  # Streamlit has no public way
    Runtime._enqueued_some_message = _say_once  # type: ignore[method-assign]  # Streamlit has no public way
    AppSession.flush_browser_queue = _flush_together  # type: ignore[assignment,method-assign]  # Streamlit has no public way
    Runtime._send_message = _send_together  # type: ignore[assignment,method-assign]  # Streamlit has no public way
    app_session._populate_theme_msg = _fill_in_known_theme


def send_again(context: ScriptRunContext, messages: Sequence[ForwardMsg]) -> None:
    """Send what an earlier run of the same page sent, unchanged; in one step on our own server."""
    runner: Any = getattr(context._enqueue, "__self__", None)
    is_ours = type(runner) is ScriptRunner and AppSession._on_scriptrunner_event is _take_in
    if is_ours and not any(message.metadata.cacheable for message in messages):
        runner._maybe_handle_execution_control_request()
        runner.on_event.send(runner, event=ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=messages)
    else:
        for message in messages:
            context.enqueue(message)


def _take_in(self: AppSession, sender: ScriptRunner | None, event: ScriptRunnerEvent, **details: Any) -> None:
    """Messages of a run skip the checks that Streamlit makes for every kind of event."""
    if event == ScriptRunnerEvent.ENQUEUE_FORWARD_MSG:
        sent_by_run = details["forward_msg"]
        messages = (sent_by_run,) if isinstance(sent_by_run, ForwardMsg) else sent_by_run
        _call_together(self, partial(_put, self, sender, messages))
    else:
        _on_event(self, sender, event, **details)


def _put(session: AppSession, sender: ScriptRunner | None, messages: Sequence[ForwardMsg]) -> None:
    if sender is session._scriptrunner:  # otherwise another run has replaced it
        for message in messages:
            session._enqueue_forward_msg(message)


def _call_together(self: AppSession, callback: Callable[[], None]) -> None:
    waiting: _Waiting = vars(self).setdefault(_WAITING, _Waiting())
    waiting.callbacks.append(callback)
    if not waiting.is_planned:
        waiting.is_planned = True
        _call_soon(self, lambda: _call_all(self, waiting))


def _call_all(session: AppSession, waiting: _Waiting) -> None:
    waiting.is_planned = False  # from here on, whoever adds something schedules again
    try:
        while waiting.callbacks:
            waiting.callbacks.popleft()()
    finally:
        if waiting.callbacks:  # one call failed, which the loop reports; the others continue
            waiting.is_planned = True
            _call_soon(session, lambda: _call_all(session, waiting))


def _say_once(self: Runtime) -> None:
    """Something is ready to be sent: the loop is told once, until it looks."""
    loop = self._get_async_objs()
    if asyncio._get_running_loop() is loop.eventloop and loop.need_send_data.is_set():
        return
    _message_enqueued(self)


class _Places:
    """Places of a page that contain something in the browser, by their paths; perhaps some it has cleared."""

    def __init__(self) -> None:
        self._full: set[tuple[int, ...]] = set()
        self._places: set[tuple[int, ...]] = set()
        """The places of this run. What it leaves out stays in the page until a whole run ends."""

    def emptied(self, messages: Sequence[ForwardMsg]) -> frozenset[int]:
        """The numbers of the messages that empty a place for good."""
        emptied: dict[tuple[int, ...], int] = {}
        for number, message in enumerate(messages):
            kind = message.WhichOneof("type")
            if kind in {"delta", "ref_hash"}:
                path = tuple(message.metadata.delta_path)
                if not message.delta.new_element.HasField("empty"):
                    self._places.add(path)
                    self._full.add(path)
                    emptied.pop(path, None)
                elif path in self._full:
                    self._full.discard(path)
                    emptied[path] = number
            elif kind == "new_session" and not message.metadata.run.fragment_ids:
                self._places = set()
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._full &= self._places
        return frozenset(emptied.values())


def _flush_together(self: AppSession) -> list[list[ForwardMsg]]:
    """What waits for the browser, in groups: after each group the loop gives others a turn.

    A message that empties a place ends a group. Otherwise the browser would get the next content at the same
    moment and keep the old one, greyed out, until the run ends.
    """
    messages = _flush(self)
    if not messages:
        return []
    places: _Places = vars(self).setdefault(_PLACES, _Places())
    emptied = places.emptied(messages)
    groups: list[list[ForwardMsg]] = [[]]
    for number, message in enumerate(messages):
        groups[-1].append(message)
        if len(groups[-1]) == MOST_TOGETHER or number in emptied:
            groups.append([])
    return [group for group in groups if group]


def _send_together(self: Runtime, session: ActiveSessionInfo, messages: list[ForwardMsg]) -> None:
    for message in messages:
        _send(self, session, message)


def _fill_in_known_theme(msg: Any, section: str = "theme") -> None:
    theme = _theme(section)
    if theme.ListFields():  # otherwise there isn't even an empty one
        msg.MergeFrom(theme)


@cache
def _theme(section: str) -> CustomThemeConfig:
    """That section of the configuration, which doesn't change once pages are served."""
    theme = CustomThemeConfig()
    _fill_in_theme(theme, section)
    return theme
