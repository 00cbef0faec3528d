"""What becomes of clicks: those that come while a callback runs, and those in parts that run alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import RerunData
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from personachat.ui import script_runs

WAIT = 10


def script() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from personachat.ui import script_runs

    script_runs.let_callbacks_finish()

    def act() -> None:
        context = get_script_run_ctx()
        assert context
        assert context.script_requests
        context.script_requests.request_stop()  # as another click does
        st.session_state["begun"] = True
        st.query_params["in"] = "the middle"
        st.session_state["done"] = True

    st.button("Act", on_click=act)
    st.session_state["drawn"] = st.session_state.get("drawn", 0) + 1


def test_a_callback_runs_to_its_end_and_the_run_does_not() -> None:
    at = AppTest.from_function(script).run(timeout=30)
    at.button[0].click().run(timeout=30)

    assert at.session_state["done"]
    assert at.session_state["drawn"] == 1


def test_the_next_run_waits_for_the_callbacks_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    script_runs.let_callbacks_finish()
    began, go_on = threading.Event(), threading.Event()
    happened: list[str] = []

    def call_back(_: SessionState, who: Any) -> None:
        if who == "first":
            began.set()
            assert go_on.wait(WAIT)
        happened.append(who)

    monkeypatch.setattr(SessionState, "on_script_will_rerun", call_back)
    state = SessionState()
    first, second = (SafeSessionState(state, lambda: None) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(first.on_script_will_rerun, "first")  # type: ignore[arg-type]  # looser than the types on purpose
        assert began.wait(WAIT)
        waiting = pool.submit(second.on_script_will_rerun, "second")  # type: ignore[arg-type]  # looser than the types on purpose
        assert not wait([waiting], timeout=0.1).done
        go_on.set()
        running.result(WAIT)
        waiting.result(WAIT)
    assert happened == ["first", "second"]


def test_a_run_that_was_asked_for_by_one_that_is_over_calls_nothing() -> None:
    script_runs.let_callbacks_finish()

    class Over(BaseException):
        pass

    def stop() -> None:
        raise Over

    safe = SafeSessionState(SessionState(), stop)
    safe.on_script_will_rerun(None)  # what a browser asked for
    with pytest.raises(Over):
        safe.on_script_will_rerun(None)


# --- dialogs that run alone ---


def asked_for(fragment: str) -> tuple[ScriptRequests, SimpleNamespace]:
    """A page's run that has drawn the dialog "dialog", while the browser asks for a fragment's run."""
    requests = ScriptRequests()
    requests.request_rerun(RerunData(fragment_id=fragment))
    context = SimpleNamespace(
        script_requests=requests, fragment_ids_this_run=None, _personachat_parts={"dialog"}
    )
    return requests, context


def test_what_is_typed_into_a_dialog_takes_effect_while_a_reply_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests, context = asked_for("dialog")
    monkeypatch.setattr(script_runs, "get_script_run_ctx", lambda: context)
    assert requests.on_scriptrunner_yield() is None  # Streamlit has it wait for the end of the reply
    script_runs.let_parts_in()
    request = requests.on_scriptrunner_yield()
    assert request is not None
    assert request.rerun_data.fragment_id_queue == []


def test_a_clock_of_the_page_does_not_break_off_the_run_that_follows_a_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests, context = asked_for("clock")
    monkeypatch.setattr(script_runs, "get_script_run_ctx", lambda: context)
    script_runs.let_parts_in()
    assert requests.on_scriptrunner_yield() is None


@pytest.mark.parametrize(("known", "run"), [([], []), (["dialog"], ["dialog"])])
def test_a_fragment_that_the_session_does_not_know_is_answered_by_the_page(
    monkeypatch: pytest.MonkeyPatch, known: list[str], run: list[str]
) -> None:
    ran: list[RerunData] = []
    monkeypatch.setattr(script_runs, "_run_script", lambda runner, data: ran.append(data))
    script_runs._run_what_is_known(runner_that_knows(known), RerunData(fragment_id_queue=["dialog"]))
    assert [data.fragment_id_queue for data in ran] == [run]


def runner_that_knows(known: list[str]) -> Any:
    """A runner with these fragments, and a session of its own."""
    storage = SimpleNamespace(contains=known.__contains__)
    return SimpleNamespace(_fragment_storage=storage, _session_state=SimpleNamespace(_state=SessionState()))


@pytest.mark.parametrize(("still", "run"), [(True, ["dialog"]), (False, [])])
def test_a_fragment_of_a_page_that_was_drawn_for_somebody_else_is_answered_by_the_page(
    monkeypatch: pytest.MonkeyPatch, *, still: bool, run: list[str]
) -> None:
    ran: list[RerunData] = []
    monkeypatch.setattr(script_runs, "_run_script", lambda runner, data: ran.append(data))
    monkeypatch.setattr(script_runs._Judges, "acts_still", lambda _: still)
    runner = runner_that_knows(["dialog"])
    runner._session_state._state._old_state[script_runs._DRAWN_FOR] = "somebody"
    again = RerunData(fragment_id_queue=["dialog"], is_auto_rerun=True)
    script_runs._run_what_is_known(runner, again)
    assert [data.fragment_id_queue for data in ran] == [run]


# --- fragments that a session does not know ---


@pytest.mark.parametrize(
    ("is_known", "is_auto_rerun", "asked"),
    [(False, False, ""), (True, False, "list"), (False, True, "list")],
    ids=["lost with the session", "known", "by its own clock"],
)
def test_a_click_in_a_fragment_that_the_session_has_lost_runs_the_whole_page(
    monkeypatch: pytest.MonkeyPatch, *, is_known: bool, is_auto_rerun: bool, asked: str
) -> None:
    script_runs.let_callbacks_finish()
    requested: list[ClientState] = []
    monkeypatch.setattr(script_runs, "_request_run", lambda _, state: requested.append(state))
    session = SimpleNamespace(has_fragment=lambda fragment_id: is_known)
    sent = ClientState(fragment_id="list", is_auto_rerun=is_auto_rerun, query_string="id=x")

    AppSession.request_rerun(session, sent)  # type: ignore[arg-type]  # looser than the types on purpose

    (state,) = requested
    assert (state.fragment_id, state.query_string) == (asked, "id=x")
