"""While a server is to end: what runs goes on, nothing new begins, and no word is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.chat.completions import CompletionRequest
from personachat.errors import ShuttingDown
from personachat.messages import Failed
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, tokens

WAIT = 10


def ended(live_reply: LiveReply) -> str:
    seen = 0
    while live_reply.live:
        seen += len(live_reply.wait(seen, timeout_seconds=WAIT))
    return live_reply.state


def test_nothing_new_is_begun_and_nothing_of_it_is_stored(services: Services, fake: FakeProvider) -> None:
    here = local(services)
    conversation = here.chat.start()
    reply = here.chat.send(conversation.id, "Hi", persona_id="tester")
    ended(reply)
    before = here.chat.conversation(conversation.id)
    services.runner.drain()
    for begin in (
        lambda: here.chat.send(conversation.id, "More", persona_id="tester"),
        lambda: here.chat.begin("Hi", persona_id="tester"),
        lambda: here.chat.begin("Hi", persona_id="tester", temporary=True),
        lambda: here.chat.retry(conversation.id),
        lambda: here.branches.regenerate(reply.id),
        lambda: here.branches.edit(before.path[0].id, "Hello"),
        lambda: services.completions.start("tester", CompletionRequest([{"role": "user", "content": "Hi"}])),
        lambda: services.drafter.start("A pirate", owner=here.owner),
        lambda: services.trying_out(persona_text(), owner=here.owner).begin(
            "Hi", persona_id="tester", temporary=True
        ),
    ):
        with pytest.raises(ShuttingDown):
            begin()
    assert here.chat.conversation(conversation.id) == before
    assert len(here.library.list().conversations) == 1
    assert len(fake.chats) == 1


def test_a_cut_reply_is_not_continued_by_a_server_that_is_to_end(
    services: Services, fake: FakeProvider
) -> None:
    here = local(services).chat
    fake.enqueue(tokens(["Half of"], finish="length"))
    reply = here.begin("Hi", persona_id="tester")
    ended(reply)
    services.runner.drain()
    with pytest.raises(ShuttingDown):
        here.continue_reply(reply.id)
    assert here.live_reply(reply.id).state == "finished"


def test_words_that_wait_stay_in_the_queue_for_the_next_life(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", gate := Gate()]), tokens(["two"]))
    services = make_services()
    here = local(services).chat
    reply = here.begin("first", persona_id="tester")
    conversation_id = reply.conversation_id
    here.queue(conversation_id, "second", persona_id="tester")
    services.runner.drain()
    here.queue(conversation_id, "third", persona_id="tester")
    gate.open()
    assert ended(reply) == "finished"
    services.close()
    there = local(make_services()).chat
    assert [words.content for words in there.conversation(conversation_id).queue] == ["second", "third"]
    assert len(fake.chats) == 1
    sent = there.send_queued(conversation_id)
    assert sent
    ended(sent)
    assert there.conversation(conversation_id).path[2].text == "second"


def test_words_for_a_temporary_chat_are_given_back_since_it_goes_with_the_server(
    services: Services, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    here = local(services).chat
    reply = here.begin("first", persona_id="tester", temporary=True)
    services.runner.drain()
    with pytest.raises(ShuttingDown):
        here.queue(reply.conversation_id, "second", persona_id="tester")
    assert not here.conversation(reply.conversation_id).queue


def test_what_runs_can_be_steered_and_followed_to_its_end(services: Services, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one ", gate := Gate(), "two"]), tokens(["three", Gate()]))
    here = local(services).chat
    first = here.begin("first", persona_id="tester")
    gate.wait_reached()
    second = here.begin("second", persona_id="tester")
    services.runner.drain()
    assert services.runner.unfinished == 2
    here.pause(first.id)
    assert services.runner.unfinished == 1
    here.resume(first.id)
    here.stop(second.id)
    gate.open()
    assert ended(here.live_reply(first.id)) == "finished"
    assert second.state == "stopped"
    assert services.runner.unfinished == 0


def test_a_closed_service_has_interrupted_what_was_left(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one ", gate := Gate()]), tokens(["two"]))
    services = make_services()
    reply = local(services).chat.begin("first", persona_id="tester")
    gate.wait_reached()
    while reply.snapshot().text != "one ":
        reply.wait(1, timeout_seconds=WAIT)
    services.close()
    assert fake.wait_for_disconnect()
    there = local(make_services()).chat
    kept = there.conversation(reply.conversation_id).path[-1].reply
    assert kept
    assert (kept.state, kept.text, kept.continuable) == ("interrupted", "one ", True)
    ended(there.continue_reply(reply.id))
    assert there.conversation(reply.conversation_id).path[-1].text.split() == ["one", "two"]


def test_whoever_follows_it_from_another_process_is_told_and_goes_on_there(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one ", gate := Gate()]), tokens(["two"]))
    ending, staying = make_services(), make_services()
    reply = local(ending).chat.begin("first", persona_id="tester")
    gate.wait_reached()
    there = local(staying).chat
    mirror = there.live_reply(reply.id)
    with mirror.followed():
        while mirror.snapshot().text != "one ":
            mirror.wait(len(mirror.wait(0, timeout_seconds=0)), timeout_seconds=WAIT)
        ending.close()
        assert ended(mirror) == "interrupted"
    ended(there.continue_reply(reply.id))
    assert there.conversation(reply.conversation_id).path[-1].text.split() == ["one", "two"]


def test_a_server_that_only_followed_a_reply_leaves_it_running(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one ", gate := Gate(), "two"]))
    staying, ending = make_services(), make_services()
    reply = local(staying).chat.begin("first", persona_id="tester")
    gate.wait_reached()
    mirror = local(ending).chat.live_reply(reply.id)
    assert ending.runner.unfinished == 0
    ending.close()
    assert mirror.snapshot().error == Failed.of(ShuttingDown())
    gate.open()
    assert ended(reply) == "finished"
