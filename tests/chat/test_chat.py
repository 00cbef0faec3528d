"""What a message does to a conversation, over the real wire."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import update

from personachat.chat.service import ChatService
from personachat.conversations.model import Conversation, Reply
from personachat.conversations.tables import turns
from personachat.errors import (
    ConversationNotFound,
    MessageInvalid,
    PersonaNotFound,
    ReplyInProgress,
    ReplyNotFound,
)
from personachat.messages import ChatMessage
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, chunk, events, status, tokens

WAIT = 10


@pytest.fixture
def chat(services: Services) -> ChatService:
    return local(services).chat


def ended(live_reply: LiveReply) -> Reply:
    seen = 0
    while live_reply.live:
        new = live_reply.wait(seen, timeout_seconds=WAIT)
        assert new or not live_reply.live, "the reply never ended"
        seen += len(new)
    return live_reply.snapshot()


def sent(fake: FakeProvider) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in fake.chats[-1].body["messages"]]


def test_a_message_is_answered_and_both_turns_are_kept(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"]))
    conversation = chat.start()
    reply = ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    assert (reply.state, reply.text, reply.model) == ("finished", "Hello", "gpt-4")
    turns = chat.conversation(conversation.id).path
    assert [(turn.role, turn.as_message().content) for turn in turns] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
    ]


def test_the_first_message_begins_a_conversation(
    services: Services, chat: ChatService, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Fine", "."]), tokens(["Sure."]))
    services.personas.save(persona_text("greeter", greeting="Hello."))
    live_reply = chat.begin("How are the cats?", persona_id="greeter")
    assert ended(live_reply).text == "Fine."
    assert sent(fake)[1:] == [("assistant", "Hello."), ("user", "How are the cats?")]
    found = chat.conversation(live_reply.conversation_id)
    assert [turn.text for turn in found.path] == ["Hello.", "How are the cats?", "Fine."]
    assert (found.title, found.durable, found.temporary) == ("How are the cats?", True, False)
    ended(chat.send(found.id, "And the dogs?", persona_id="greeter"))
    assert sent(fake)[-2:] == [("assistant", "Fine."), ("user", "And the dogs?")]


def test_a_temporary_conversation_begins_in_memory(services: Services, chat: ChatService) -> None:
    live_reply = chat.begin("Hi", persona_id="tester", temporary=True)
    ended(live_reply)
    found = chat.conversation(live_reply.conversation_id)
    assert (found.temporary, found.length) == (True, 2)
    assert local(services).library.list().conversations == ()


@pytest.mark.parametrize(
    ("text", "persona_id", "error"),
    [(" ", "tester", MessageInvalid), ("Hi", "nobody", PersonaNotFound)],
)
def test_nothing_begins_with_what_cannot_be_sent(
    services: Services, chat: ChatService, text: str, persona_id: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        chat.begin(text, persona_id=persona_id)
    with services.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM conversations").scalar() == 0


def test_earlier_turns_are_sent_along(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one"]), tokens(["two"]))
    conversation = chat.start()
    ended(chat.send(conversation.id, "first", persona_id="tester"))
    ended(chat.send(conversation.id, "second", persona_id="tester"))
    assert sent(fake)[1:] == [("user", "first"), ("assistant", "one"), ("user", "second")]


def test_the_greeting_is_the_first_turn(services: Services, chat: ChatService, fake: FakeProvider) -> None:
    services.personas.save(persona_text("greeter", greeting="Hello from {{char}}."))
    conversation = chat.start()
    ended(chat.send(conversation.id, "Hi", persona_id="greeter"))
    assert sent(fake)[1:] == [("assistant", "Hello from Greeter."), ("user", "Hi")]


def test_history_that_is_given_goes_before_the_message(chat: ChatService, fake: FakeProvider) -> None:
    history = [ChatMessage("user", "a"), ChatMessage("assistant", "b")]
    ended(chat.send(chat.start().id, "c", persona_id="tester", history=history))
    assert sent(fake)[1:] == [("user", "a"), ("assistant", "b"), ("user", "c")]


def test_another_persona_takes_over_with_the_history(
    services: Services, chat: ChatService, fake: FakeProvider
) -> None:
    services.personas.save(persona_text("second", systemPrompt="You are the second."))
    conversation = chat.start()
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    ended(chat.send(conversation.id, "And you?", persona_id="second"))
    assert sent(fake)[0] == ("system", "You are the second.")
    assert len(sent(fake)) == 4
    assert [turn.persona_id for turn in chat.conversation(conversation.id).path] == [
        *["tester"] * 2,
        *["second"] * 2,
    ]


def test_the_words_are_kept_when_the_provider_refuses_and_can_be_retried(
    chat: ChatService, fake: FakeProvider
) -> None:
    fake.enqueue(status(401, {}, b'{"error": {"message": "bad key"}}'), tokens(["fine"]))
    conversation = chat.start()
    failed = ended(chat.send(conversation.id, "my words", persona_id="tester"))
    assert failed.error
    assert failed.error.code == "api_key_refused"
    assert chat.conversation(conversation.id).path[0].content == "my words"
    assert ended(chat.retry(conversation.id)).text == "fine"
    path = chat.conversation(conversation.id).path
    assert [turn.role for turn in path] == ["user", "assistant"]
    assert sent(fake)[1:] == [("user", "my words")]


def test_a_retry_leaves_the_first_reply_beside_the_second(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["first"]), tokens(["second"]))
    conversation = chat.start()
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    ended(chat.retry(conversation.id))
    shown = chat.conversation(conversation.id)
    assert shown.leaf
    both = [chat.live_reply(reply_id).snapshot().text for reply_id in shown.siblings[shown.leaf.id]]
    assert both == ["first", "second"]


def test_stop_keeps_the_text_and_the_next_message_works(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["part", Gate()]), tokens(["next"]))
    conversation = chat.start()
    live_reply = chat.send(conversation.id, "Hi", persona_id="tester")
    while not live_reply.snapshot().text:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=WAIT)
    chat.stop(live_reply.id)
    assert fake.wait_for_disconnect()
    shown = chat.conversation(conversation.id).leaf
    assert shown
    assert shown.reply
    assert (shown.reply.state, shown.reply.text) == ("stopped", "part")
    assert ended(chat.send(conversation.id, "Again", persona_id="tester")).text == "next"
    assert sent(fake)[1:] == [("user", "Hi"), ("assistant", "part"), ("user", "Again")]


def test_one_reply_at_a_time(chat: ChatService, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, "done"]))
    conversation = chat.start()
    live_reply = chat.send(conversation.id, "Hi", persona_id="tester")
    with pytest.raises(ReplyInProgress):
        chat.send(conversation.id, "Again", persona_id="tester")
    with pytest.raises(ReplyInProgress):
        chat.retry(conversation.id)
    gate.open()
    assert ended(live_reply).text == "done"


def test_a_queued_message_goes_out_when_the_reply_is_done(chat: ChatService, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate]), tokens(["two"]))
    conversation = chat.start()
    chat.send(conversation.id, "first", persona_id="tester")
    chat.queue(conversation.id, "second", persona_id="tester")
    assert [message.content for message in chat.conversation(conversation.id).queue] == ["second"]
    gate.open()
    fake.wait_for_chats(2)
    assert sent(fake)[1:] == [("user", "first"), ("assistant", "one"), ("user", "second")]
    assert not chat.conversation(conversation.id).queue


def test_a_queued_message_waits_after_a_failure_and_can_be_taken_back(
    chat: ChatService, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(replace(status(401, {}, b"{}"), early=(gate,)))
    conversation = chat.start()
    live_reply = chat.send(conversation.id, "first", persona_id="tester")
    chat.queue(conversation.id, "second", persona_id="tester")
    gate.open()
    assert ended(live_reply).state == "failed"
    (message,) = chat.conversation(conversation.id).queue
    assert chat.unqueue(conversation.id, message.id) == message
    assert chat.unqueue(conversation.id, message.id) is None


def test_clear_can_be_undone(chat: ChatService, fake: FakeProvider) -> None:
    conversation = chat.start()
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    leaf_id = chat.clear(conversation.id)
    assert not chat.conversation(conversation.id).path
    assert leaf_id
    chat.restore(conversation.id, leaf_id)
    assert len(chat.conversation(conversation.id).path) == 2


def test_clear_stops_the_reply(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens([Gate()]))
    conversation = chat.start()
    live_reply = chat.send(conversation.id, "Hi", persona_id="tester")
    fake.wait_for_chats()
    chat.clear(conversation.id)
    assert live_reply.state == "stopped"
    assert not chat.conversation(conversation.id).path


def test_without_a_key_the_reply_fails_with_the_way_out(make_services: Callable[..., Services]) -> None:
    services = make_services(openai_base_url=None, openai_api_key=None)
    chat = local(services).chat
    services.personas.save(persona_text("named", model="openai/gpt-4"))
    reply = ended(chat.send(chat.start().id, "Hi", persona_id="named"))
    assert reply.error
    assert reply.error.code == "api_key_missing"
    assert "OPENAI_API_KEY" in reply.error.message + reply.error.hint


@pytest.mark.parametrize("text", ["", "  \n", "x" * 200_001], ids=["empty", "blank", "too long"])
def test_a_message_that_cannot_be_sent_leaves_no_trace(chat: ChatService, text: str) -> None:
    conversation = chat.start()
    with pytest.raises(MessageInvalid):
        chat.send(conversation.id, text, persona_id="tester")
    assert not chat.conversation(conversation.id).path


def test_what_cannot_be_stored_is_replaced(chat: ChatService, fake: FakeProvider) -> None:
    ended(chat.send(chat.start().id, "a\0b\ud800c", persona_id="tester"))
    assert sent(fake)[-1] == ("user", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c")


def test_unknown_ids_are_said(chat: ChatService) -> None:
    conversation = chat.start()
    with pytest.raises(PersonaNotFound):
        chat.send(conversation.id, "Hi", persona_id="nobody")
    with pytest.raises(ConversationNotFound):
        chat.conversation("nothing")
    with pytest.raises(ReplyNotFound):
        chat.stop("nothing")
    with pytest.raises(ReplyNotFound):
        chat.retry(conversation.id)


def test_the_default_model_steps_in_where_the_provider_lacks_the_personas(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(default_model="llama")
    chat = local(services).chat
    missing = b'{"error": {"code": "model_not_found", "message": "no such model"}}'
    fake.enqueue(status(404, {}, missing), tokens(["Hello"]), tokens(["Again"]))
    conversation = chat.start()
    reply = ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    assert (reply.text, reply.model) == ("Hello", "llama")
    assert "llama" in reply.notices[0]
    assert ended(chat.send(conversation.id, "Hi", persona_id="tester")).text == "Again"
    assert [request.body["model"] for request in fake.chats] == ["gpt-4", "llama", "llama"]


def test_without_a_default_model_a_missing_one_is_said(chat: ChatService, fake: FakeProvider) -> None:
    missing = b'{"error": {"code": "model_not_found", "message": "no such model"}}'
    fake.enqueue(status(404, {}, missing))
    reply = ended(chat.send(chat.start().id, "Hi", persona_id="tester"))
    assert reply.error
    assert reply.error.code == "model_not_found"
    assert "fake-1" in reply.error.message + reply.error.hint


def test_a_model_that_is_lost_in_mid_reply_is_not_continued_by_the_default_one(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(default_model="llama")
    chat = local(services).chat
    lost = {"error": {"code": "model_not_found", "message": "The model was unloaded."}}
    fake.enqueue(events(chunk({"content": "half of "}), lost), tokens(["another"]))
    reply = ended(chat.send(chat.start().id, "Hi", persona_id="tester"))
    assert (reply.state, reply.text) == ("failed", "half of ")
    assert len(fake.chats) == 1


def test_a_conversation_that_is_kept_keeps_its_running_reply(chat: ChatService, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two"]))
    conversation = chat.start(durable=False)
    live_reply = chat.send(conversation.id, "Hi", persona_id="tester")
    with live_reply.followed():
        chat.keep(conversation.id)
    assert not fake.wait_for_disconnect(1.5)
    gate.open()
    assert ended(live_reply).text == "one two"


def test_of_many_messages_at_once_one_is_answered(chat: ChatService, fake: FakeProvider) -> None:
    fake.enqueue(tokens([Gate()]))
    conversation = chat.start()

    def send(number: int) -> bool:
        try:
            chat.send(conversation.id, str(number), persona_id="tester")
        except ReplyInProgress:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(32))) == 1
    assert len(chat.conversation(conversation.id).path) == 2


def test_ended_replies_do_not_hold_the_conversations_they_came_from(
    services: Services, chat: ChatService, fake: FakeProvider
) -> None:
    conversation = chat.start()
    for number in range(10):
        ended(chat.send(conversation.id, str(number), persona_id="tester"))
    assert services.runner.running == 0
    gc.collect()
    versions = [found for found in gc.get_objects() if isinstance(found, Conversation)]
    assert len([version for version in versions if version.id == conversation.id]) <= 2


def test_a_reply_that_was_written_though_nobody_heard_so_is_interrupted_and_the_chat_goes_on(
    services: Services, fake: FakeProvider
) -> None:
    """A commit that a frozen database does after all: its turns are there, and nobody generates the reply."""
    chat = local(services).chat
    reply = chat.begin("Hi", persona_id="tester")
    ended(reply)
    assert services.checkpoints.flush(timeout_seconds=10)
    services.runner._runner.pop(reply.id)
    while services.checkpoints.is_watched(reply.id):
        threading.Event().wait(0.01)
    with services.database.write() as connection:
        mine = {"state": "running", "process_id": services.checkpoints.process_id}
        connection.execute(update(turns).where(turns.c.id == reply.id).values(mine))
    assert chat.live_reply(reply.id).state == "interrupted"
    again = chat.send(reply.conversation_id, "And now?", persona_id="tester")
    assert chat.conversation(reply.conversation_id).length == 4
    again.stop()
