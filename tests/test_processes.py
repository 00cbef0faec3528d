"""Several processes on one database, as two sets of services: each follows and respects the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from personachat.errors import ReplyInProgress
from personachat.replies.live import LiveReply
from personachat.services import Services
from personachat.services.workspace import Workspace
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.postgres import fresh_database

WAIT = 20

Pair = tuple[Workspace, Workspace]


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, make_services: Callable[..., Services]) -> Iterator[Pair]:
    """One owner's workspace in each of two processes."""
    settings: dict[str, Any] = {}
    if request.param == "sqlite":
        yield local(make_services(**settings)), local(make_services(**settings))
        return
    with fresh_database() as url:
        first, second = make_services(database_url=url), make_services(database_url=url)
        yield local(first), local(second)
        first.close()
        second.close()


def wait_for_text(live_reply: LiveReply, text: str) -> None:
    with live_reply.followed():
        while live_reply.snapshot().text != text:
            assert live_reply.live, live_reply.snapshot()
            live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=WAIT)


def wait_for_state(live_reply: LiveReply, state: str) -> None:
    with live_reply.followed():
        while live_reply.state != state:
            live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=WAIT)


def test_a_reply_is_followed_from_the_other_process_event_by_event(pair: Pair, fake: FakeProvider) -> None:
    here, there = pair
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two"]))
    conversation = here.chat.start()
    live_reply = here.chat.send(conversation.id, "Hi", persona_id="tester")
    mirror = there.chat.live_reply(live_reply.id)
    wait_for_text(mirror, "one ")
    running = there.chat.running(conversation.id)
    assert running is mirror
    with pytest.raises(ReplyInProgress):
        there.chat.send(conversation.id, "Me too", persona_id="tester")
    gate.open()
    wait_for_state(mirror, "finished")
    assert mirror.snapshot().text == "one two"
    assert mirror.wait(0, timeout_seconds=0) == live_reply.wait(0, timeout_seconds=0)


def test_a_reply_is_paused_resumed_and_stopped_from_the_other_process(pair: Pair, fake: FakeProvider) -> None:
    here, there = pair
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two ", Gate()]))
    conversation = here.chat.start()
    live_reply = here.chat.send(conversation.id, "Hi", persona_id="tester")
    wait_for_text(live_reply, "one ")
    there.chat.pause(live_reply.id)
    wait_for_state(live_reply, "paused")
    gate.open()
    there.chat.resume(live_reply.id)
    wait_for_text(live_reply, "one two ")
    there.chat.stop(live_reply.id)
    wait_for_state(live_reply, "stopped")
    assert fake.wait_for_disconnect()


def test_of_two_processes_one_continues_a_reply(pair: Pair, fake: FakeProvider) -> None:
    here, there = pair
    fake.enqueue(tokens(["one "], finish="length"), tokens(["two", Gate()]))
    conversation = here.chat.start()
    live_reply = here.chat.send(conversation.id, "Hi", persona_id="tester")
    wait_for_state(live_reply, "finished")
    wait_for_text(here.chat.continue_reply(live_reply.id), "one two")
    with pytest.raises(ReplyInProgress):
        there.chat.continue_reply(live_reply.id)
    wait_for_text(there.chat.live_reply(live_reply.id), "one two")


def test_a_reply_that_was_continued_elsewhere_is_known_here_as_well(pair: Pair, fake: FakeProvider) -> None:
    here, there = pair
    fake.enqueue(tokens(["one "], finish="length"), tokens(["two", Gate()]))
    conversation = here.chat.start()
    live_reply = here.chat.send(conversation.id, "Hi", persona_id="tester")
    wait_for_state(there.chat.live_reply(live_reply.id), "finished")
    wait_for_text(there.chat.continue_reply(live_reply.id), "one two")
    wait_for_text(here.chat.live_reply(live_reply.id), "one two")
    assert here.chat.running(conversation.id)


def test_what_one_process_has_ended_the_other_goes_on_with(pair: Pair, fake: FakeProvider) -> None:
    here, there = pair
    fake.enqueue(tokens(["one"]), tokens(["two"]))
    conversation = here.chat.start()
    wait_for_state(here.chat.send(conversation.id, "first", persona_id="tester"), "finished")
    mirror = there.chat.live_reply(there.chat.conversation(conversation.id).path[-1].id)
    wait_for_state(mirror, "finished")
    wait_for_state(there.chat.send(conversation.id, "second", persona_id="tester"), "finished")
    assert [message["content"] for message in fake.chats[-1].body["messages"][1:]] == [
        "first",
        "one",
        "second",
    ]
    answer = here.chat.conversation(conversation.id).path[-1]
    wait_for_state(here.chat.live_reply(answer.id), "finished")
    assert [turn.text for turn in here.chat.conversation(conversation.id).path] == [
        "first",
        "one",
        "second",
        "two",
    ]
