"""What a run draws reaches the loop in order and together, whichever thread it comes from."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg, ForwardMsgMetadata
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import Runtime, app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import ScriptRunner, ScriptRunnerEvent
from streamlit.signal_util import Signal
from streamlit.web.server.starlette.starlette_server_config import WEBSOCKET_MAX_SEND_QUEUE_SIZE

from personachat.ui import script_messages

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.nothing")


class Loop:
    """Counts how often it is woken, and does what it was woken for when asked."""

    def __init__(self) -> None:
        self.planned: list[Any] = []
        self.wakings = 0

    def call_soon_threadsafe(self, callback: Any) -> None:
        self.wakings += 1
        self.planned.append(callback)

    def is_closed(self) -> bool:
        return False

    def run(self) -> None:
        while self.planned:
            self.planned.pop(0)()


class Session(AppSession):
    """No more of one than what has a loop."""

    def __init__(self, loop: Any) -> None:
        self._event_loop = loop

    def __del__(self) -> None:
        """There is nothing to be closed."""


@pytest.fixture
def session() -> Any:
    return Session(Loop())


def test_what_has_come_until_the_loop_gets_there_is_done_at_once_and_in_order(session: Any) -> None:
    happened: list[int] = []
    for number in range(100):
        script_messages._call_together(session, lambda number=number: happened.append(number))  # type: ignore[misc]  # so that each has its own
    assert session._event_loop.wakings == 1
    session._event_loop.run()
    assert happened == list(range(100))
    script_messages._call_together(session, lambda: happened.append(100))
    assert session._event_loop.wakings == 2
    session._event_loop.run()
    assert happened[-1] == 100


def test_one_that_fails_takes_no_other_with_it(session: Any) -> None:
    happened: list[str] = []

    def fail() -> None:
        raise ValueError

    for callback in (lambda: happened.append("before"), fail, lambda: happened.append("after")):
        script_messages._call_together(session, callback)
    with pytest.raises(ValueError):  # noqa: PT011  # the loop logs it
        session._event_loop.run()
    session._event_loop.run()
    assert happened == ["before", "after"]


def test_nothing_is_lost_or_done_twice_between_threads() -> None:
    async def main() -> list[tuple[int, int]]:
        session = Session(asyncio.get_running_loop())
        happened: list[tuple[int, int]] = []
        over = asyncio.Event()

        def note(who: int, number: int) -> None:
            happened.append((who, number))
            if len(happened) == 4_000:
                over.set()

        def add_all(who: int) -> None:
            for number in range(1_000):
                script_messages._call_together(session, bound(note, who, number))

        threads = [threading.Thread(target=add_all, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.wait_for(over.wait(), 30)
        for thread in threads:
            thread.join()
        return happened

    happened = asyncio.run(main())
    for who in range(4):
        assert [number for each, number in happened if each == who] == list(range(1_000))


def bound(call: Any, *arguments: int) -> Any:
    return lambda: call(*arguments)


def test_on_the_loop_it_is_said_once_that_there_is_something_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(script_messages, "_message_enqueued", lambda runtime: said.append("said"))

    async def main() -> None:
        need = asyncio.Event()
        objects = SimpleNamespace(eventloop=asyncio.get_running_loop(), need_send_data=need)
        runtime: Any = SimpleNamespace(_get_async_objs=lambda: objects)
        script_messages._say_once(runtime)
        need.set()  # as that does, a moment later
        script_messages._say_once(runtime)
        assert said == ["said"]
        need.clear()  # the loop looks what there is
        script_messages._say_once(runtime)
        assert said == ["said"] * 2
        need.set()
        await asyncio.to_thread(
            script_messages._say_once, runtime
        )  # whether it is still set nobody can tell there
        assert said == ["said"] * 3

    asyncio.run(main())


def test_what_a_run_draws_is_put_in_line_unless_another_run_has_taken_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session: Any = Session(Loop())
    handled: list[Any] = []
    session._enqueue_forward_msg = handled.append
    session._scriptrunner, before = object(), object()
    monkeypatch.setattr(script_messages, "_on_event", lambda *args, **kwargs: handled.append((args, kwargs)))
    message = ForwardMsg(ref_hash="drawn")
    drawn, stopped = ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, ScriptRunnerEvent.SCRIPT_STOPPED_WITH_SUCCESS
    script_messages._take_in(session, before, event=drawn, forward_msg=message)  # type: ignore[arg-type]  # any object does
    script_messages._take_in(session, session._scriptrunner, event=drawn, forward_msg=message)
    assert handled == []  # the loop's affair
    session._event_loop.run()
    assert handled == [message]
    script_messages._take_in(session, session._scriptrunner, event=stopped, run_descriptor=None)
    assert handled[1:] == [((session, session._scriptrunner, stopped), {"run_descriptor": None})]


class Run(ScriptRunner):
    """No more of one than what sends."""

    def __init__(self) -> None:
        self.on_event = Signal()
        self.looked = 0

    def _maybe_handle_execution_control_request(self) -> None:
        self.looked += 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, session: Any) -> Run:
    """The run of that session, and all that reaches its browser's queue goes to `session.queued`."""
    run = Run()
    session._scriptrunner, session.queued = run, []
    session._enqueue_forward_msg = session.queued.append
    monkeypatch.setattr(AppSession, "_on_scriptrunner_event", script_messages._take_in)
    monkeypatch.setattr(script_messages, "ScriptRunner", Run)
    run.on_event.connect(session._on_scriptrunner_event)
    return run


def context_of(run: Run) -> Any:
    context = SimpleNamespace(_enqueue=run._enqueue_forward_msg, one_by_one=[])
    context.enqueue = context.one_by_one.append
    return context


def test_what_was_drawn_before_is_sent_again_in_one_step_and_in_order(session: Any, run: Run) -> None:
    messages, context = [drawn(number, is_empty=False) for number in range(7)], context_of(run)
    script_messages.send_again(context, messages)
    assert (run.looked, session._event_loop.wakings, context.one_by_one) == (1, 1, [])
    session._event_loop.run()
    assert session.queued == messages
    session._scriptrunner = None  # another run has begun
    script_messages.send_again(context, messages)
    session._event_loop.run()
    assert session.queued == messages


def test_what_the_browser_may_have_kept_goes_the_way_that_looks_for_it(session: Any, run: Run) -> None:
    messages, context = [drawn(number, is_empty=False) for number in range(3)], context_of(run)
    messages[1].metadata.cacheable = True
    script_messages.send_again(context, messages)
    assert context.one_by_one == messages
    assert session._event_loop.planned == []


def test_a_run_of_anything_but_our_server_sends_them_one_by_one() -> None:
    messages = [drawn(number, is_empty=False) for number in range(3)]
    context: Any = SimpleNamespace(_enqueue=print, one_by_one=[])
    context.enqueue = context.one_by_one.append
    script_messages.send_again(context, messages)
    assert context.one_by_one == messages


def drawn(number: int, *, is_empty: bool) -> ForwardMsg:
    message = ForwardMsg(metadata=at(number))
    if is_empty:
        message.delta.new_element.empty.SetInParent()
    else:
        message.delta.new_element.text.body = "Words"
    return message


def test_what_empties_a_place_of_the_page_ends_a_group_unless_it_is_filled_again() -> None:
    session = Session(Loop())
    session._browser_queue = ForwardMsgQueue()

    def sent(*empty: int, of: int = 4, ends: bool = True) -> list[int]:
        """The groups of a run that draws elements, of which these are empty."""
        begun = ForwardMsg()
        begun.new_session.SetInParent()
        drawn_ones = [drawn(number, is_empty=number in empty) for number in range(of)]
        done = [ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)] if ends else []
        for message in [begun, *drawn_ones, *done]:
            session._browser_queue.enqueue(message)
        return [len(group) for group in script_messages._flush_together(session)]

    assert sent(1) == [6]  # nothing stood there
    assert sent() == [6]
    assert sent(1) == [3, 3]
    assert sent(1) == [6]
    assert sent() == [6]
    assert sent(of=1, ends=False) == [2]  # the others still stand there
    assert sent(2) == [4, 2]
    assert sent() == [6]
    assert sent(of=1) == [3]
    assert sent(2) == [6]
    session._browser_queue.enqueue(drawn(3, is_empty=True))
    session._browser_queue.enqueue(drawn(3, is_empty=False))
    session._browser_queue.enqueue(drawn(3, is_empty=True))
    session._browser_queue.enqueue(drawn(4, is_empty=False))
    assert [len(group) for group in script_messages._flush_together(session)] == [1, 1]


def test_what_waits_for_a_browser_is_sent_in_groups_and_in_order() -> None:
    session = Session(Loop())
    session._browser_queue = ForwardMsgQueue()
    for number in range(2 * script_messages.MOST_TOGETHER + 20):
        session._browser_queue.enqueue(ForwardMsg(ref_hash=str(number), metadata=at(number)))
    session._browser_queue.enqueue(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
    groups = script_messages._flush_together(session)
    assert [len(group) for group in groups] == [script_messages.MOST_TOGETHER] * 2 + [21]
    assert len(groups[0]) < WEBSOCKET_MAX_SEND_QUEUE_SIZE
    assert script_messages._flush_together(session) == []

    sent: list[str] = []
    tab: Any = SimpleNamespace(
        client=SimpleNamespace(write_forward_msg=lambda message: sent.append(message.ref_hash)),
        script_run_count=0,
    )
    for group in groups:
        script_messages._send_together(Runtime.__new__(Runtime), tab, group)
    assert sent == [*map(str, range(2 * script_messages.MOST_TOGETHER + 20)), ""]
    assert tab.script_run_count == 1  # as Streamlit counts, of whose own each message goes its way


def at(number: int) -> ForwardMsgMetadata:
    return ForwardMsgMetadata(delta_path=[0, number])


@pytest.mark.parametrize("section", SECTIONS)
def test_the_theme_is_told_as_streamlit_tells_it(section: str) -> None:
    theirs, ours = CustomThemeConfig(), CustomThemeConfig()
    script_messages._fill_in_theme(theirs.dark, section)
    script_messages._fill_in_known_theme(ours.dark, section)
    assert ours == theirs
    assert ours.HasField("dark") == theirs.HasField("dark")


def test_it_is_done_where_the_server_is_ours() -> None:
    import personachat.server  # noqa: F401  # imported for what it puts in place

    assert AppSession._on_scriptrunner_event is script_messages._take_in
    assert AppSession._call_soon_on_event_loop is script_messages._call_together
    assert Runtime._enqueued_some_message is script_messages._say_once
    assert AppSession.flush_browser_queue is script_messages._flush_together
    assert Runtime._send_message is script_messages._send_together
    assert app_session._populate_theme_msg is script_messages._fill_in_known_theme
