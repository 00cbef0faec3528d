"""What a connection asks of Streamlit that no page of ours asks: it is not done, and what pages ask is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.app_session import AppSession

from personachat.ui import browser_messages

KINDS = [each.name for each in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields]
OPERATIONS = [
    each.name
    for each in BackMsg.DESCRIPTOR.fields_by_name["backend_operation_request"]
    .message_type.oneofs_by_name["payload"]
    .fields
]
REFUSED = {
    "clear_cache",  # of everybody
    "load_git_info",  # names of branches and of changed files, asked of git while everybody waits
    "debug_disconnect_websocket",
    "debug_shutdown_runtime",
}


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches Streamlit, by name."""
    kinds: list[str] = []
    monkeypatch.setattr(
        browser_messages, "_handle", lambda _, message: kinds.append(message.WhichOneof("type"))
    )
    return kinds


@pytest.fixture(autouse=True)
def _as_served(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = AppSession.handle_backmsg
    browser_messages.take_only_what_pages_ask()
    monkeypatch.setattr(browser_messages, "_logged", [])
    yield
    AppSession.handle_backmsg = before  # type: ignore[method-assign]  # as it was


def send(message: BackMsg) -> None:
    session: Any = object.__new__(Unserved)
    AppSession.handle_backmsg(session, message)


class Unserved(AppSession):
    def __init__(self) -> None:
        """Nothing of one is needed."""

    def __del__(self) -> None:
        """There is nothing to be closed."""


def asking(kind: str) -> BackMsg:
    message = BackMsg()
    field = BackMsg.DESCRIPTOR.fields_by_name[kind]
    if field.message_type is None:
        setattr(message, kind, True)
    else:
        getattr(message, kind).SetInParent()
    return message


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "backend_operation_request"])
def test_what_no_page_asks_is_not_done(kind: str, handled: list[str]) -> None:
    send(asking(kind))
    assert handled == ([] if kind in REFUSED else [kind])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_has_files_written_beside_the_app(operation: str, handled: list[str]) -> None:
    message = asking("backend_operation_request")
    getattr(message.backend_operation_request, operation).SetInParent()
    send(message)
    assert bool(handled) == (operation in {"deferred_file", "dataframe_chunk"})


def test_a_message_that_asks_for_two_things_is_judged_by_what_is_done(handled: list[str]) -> None:
    both = asking("rerun_script").SerializeToString() + asking("clear_cache").SerializeToString()
    send(BackMsg.FromString(both))
    assert not handled


def test_addresses_are_made_up_for_as_many_files_as_somebody_chooses_and_no_more(handled: list[str]) -> None:
    message = BackMsg()
    message.file_urls_request.file_names.extend(["card.png"] * browser_messages.MOST_FILES)
    send(message)
    assert handled == ["file_urls_request"]
    message.file_urls_request.file_names.append("one more.png")
    send(message)
    assert handled == ["file_urls_request"]


def test_the_log_says_what_was_ignored_and_is_not_flooded(
    handled: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(browser_messages.MOST_LOGGED + 50):
        send(asking("load_git_info"))
    assert not handled
    lines = [each.getMessage() for each in caplog.records if each.name == browser_messages.__name__]
    assert lines == ["Ignored a message that no page sends: load_git_info"] * browser_messages.MOST_LOGGED
