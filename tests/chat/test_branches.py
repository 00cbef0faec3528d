"""Working with turns: nothing is overwritten, everything can be found again and undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.conversations.model import Conversation, Reply
from personachat.errors import (
    ConversationNotFound,
    NotContinuable,
    PersonaChatError,
    ReplyNotFound,
    TurnNotFound,
)
from personachat.replies.live import LiveReply
from personachat.services import Services
from personachat.services.workspace import Workspace
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, tokens

WAIT = 10


@pytest.fixture
def mine(services: Services) -> Workspace:
    return local(services)


def ended(live_reply: LiveReply | None) -> Reply:
    assert live_reply
    while live_reply.live:
        seen = len(live_reply.wait(0, timeout_seconds=0))
        assert live_reply.wait(seen, timeout_seconds=WAIT) or not live_reply.live, "the reply never ended"
    return live_reply.snapshot()


def said(mine: Workspace, conversation: Conversation) -> list[str]:
    return [turn.text for turn in mine.chat.conversation(conversation.id).path]


def begun(mine: Workspace, fake: FakeProvider, *words: str) -> Conversation:
    """A conversation in which these words were said in turn, by the person and the persona."""
    conversation = mine.chat.start()
    for question, answer in zip(words[::2], words[1::2], strict=True):
        fake.enqueue(tokens([answer]))
        ended(mine.chat.send(conversation.id, question, persona_id="tester"))
    return mine.chat.conversation(conversation.id)


def last_request(fake: FakeProvider) -> list[str]:
    return [message["content"] for message in fake.chats[-1].body["messages"][1:]]


def test_a_reply_in_the_middle_is_generated_again_beside_what_followed_it(
    mine: Workspace, fake: FakeProvider
) -> None:
    conversation = begun(mine, fake, "one", "eins", "two", "zwei")
    fake.enqueue(tokens(["uno"]))
    ended(mine.branches.regenerate(conversation.path[1].id))
    assert last_request(fake) == ["one"]
    assert said(mine, conversation) == ["one", "uno"]
    mine.branches.show_sibling(conversation.path[1].id)
    assert said(mine, conversation) == ["one", "eins", "two", "zwei"]


def test_another_persona_or_model_can_answer_again(
    services: Services, mine: Workspace, fake: FakeProvider
) -> None:
    services.personas.save(persona_text("second", systemPrompt="You are the second.", model="its-own"))
    conversation = begun(mine, fake, "one", "eins")
    reply_id = conversation.path[1].id
    ended(mine.branches.regenerate(reply_id, persona_id="second"))
    body = fake.chats[-1].body
    assert (body["messages"][0]["content"], body["model"]) == ("You are the second.", "its-own")
    ended(mine.branches.regenerate(reply_id, model="another"))
    body = fake.chats[-1].body
    assert (body["messages"][0]["content"], body["model"]) == ("You are a test.", "another")
    shown = mine.chat.conversation(conversation.id)
    assert shown.leaf
    assert len(shown.siblings[shown.leaf.id]) == 3


def test_edited_words_are_answered_beside_the_old_ones(mine: Workspace, fake: FakeProvider) -> None:
    conversation = begun(mine, fake, "one", "eins", "two", "zwei")
    fake.enqueue(tokens(["drei"]))
    ended(mine.branches.edit(conversation.path[2].id, "three"))
    assert last_request(fake) == ["one", "eins", "three"]
    assert said(mine, conversation) == ["one", "eins", "three", "drei"]
    edited = mine.chat.conversation(conversation.id).path[2]
    assert edited.edited
    mine.branches.show_sibling(conversation.path[2].id)
    assert said(mine, conversation) == ["one", "eins", "two", "zwei"]


def test_an_edited_reply_is_what_the_model_is_told_next(mine: Workspace, fake: FakeProvider) -> None:
    conversation = begun(mine, fake, "one", "eins")
    assert mine.branches.edit(conversation.path[1].id, "UNO") is None
    assert said(mine, conversation) == ["one", "UNO"]
    fake.enqueue(tokens(["zwei"]))
    ended(mine.chat.send(conversation.id, "two", persona_id="tester"))
    assert last_request(fake) == ["one", "UNO", "two"]
    assert len(fake.chats) == 2


def test_a_fork_goes_its_own_way(mine: Workspace, fake: FakeProvider) -> None:
    conversation = begun(mine, fake, "one", "eins", "two", "zwei")
    forked = mine.branches.fork(conversation.path[1].id)
    fake.enqueue(tokens(["tres"]))
    ended(mine.chat.send(forked.id, "three", persona_id="tester"))
    assert said(mine, forked) == ["one", "eins", "three", "tres"]
    assert said(mine, conversation) == ["one", "eins", "two", "zwei"]
    assert mine.inspection.sent_request(forked.path[1].id) == mine.inspection.sent_request(
        conversation.path[1].id
    )
    assert mine.inspection.sent_request(forked.path[1].id) is not None


def test_a_deleted_turn_takes_what_follows_with_it_and_comes_back(
    mine: Workspace, fake: FakeProvider
) -> None:
    conversation = begun(mine, fake, "one", "eins", "two", "zwei")
    undo = mine.branches.delete_turn(conversation.path[2].id)
    assert said(mine, conversation) == ["one", "eins"]
    mine.branches.restore_turn(conversation.path[2].id, undo)
    assert said(mine, conversation) == ["one", "eins", "two", "zwei"]


def test_deleting_what_is_being_answered_stops_the_reply(mine: Workspace, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["part", Gate()]))
    conversation = mine.chat.start()
    live_reply = mine.chat.send(conversation.id, "Hi", persona_id="tester")
    fake.wait_for_chats()
    mine.branches.delete_turn(mine.chat.conversation(conversation.id).path[0].id)
    assert live_reply.state == "stopped"
    assert fake.wait_for_disconnect()
    assert said(mine, conversation) == []


def test_a_rating_is_kept_and_can_be_taken_back(mine: Workspace, fake: FakeProvider) -> None:
    conversation = begun(mine, fake, "one", "eins")
    reply_id = conversation.path[1].id
    mine.branches.rate(reply_id, -1, note="  too short\0 ")
    rated = mine.chat.conversation(conversation.id).path[1]
    assert (rated.rating, rated.rating_note) == (-1, "too short\N{REPLACEMENT CHARACTER}")
    mine.branches.rate(reply_id, None)
    assert mine.chat.conversation(conversation.id).path[1].rating is None


def test_the_request_that_was_sent_is_shown_as_it_was(
    services: Services, mine: Workspace, fake: FakeProvider
) -> None:
    conversation = begun(mine, fake, "one", "eins", "two", "zwei")
    services.personas.save(persona_text(systemPrompt="You are another now.", temperature=2))
    sent = mine.inspection.sent_request(conversation.path[3].id)
    assert sent
    assert sent.body == fake.chats[1].body
    assert sent.base_url == fake.base_url
    assert "nobody-may-see" not in str(sent)


def test_the_next_request_is_the_one_that_is_sent_then(mine: Workspace, fake: FakeProvider) -> None:
    conversation = begun(mine, fake, "one", "eins")
    would = mine.inspection.next(conversation.id, "tester", "two")
    ended(mine.chat.send(conversation.id, "two", persona_id="tester"))
    assert would.body == fake.chats[-1].body


def test_a_stopped_reply_goes_on_in_its_own_turn(mine: Workspace, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Once upon ", Gate()]), tokens(["a time."]))
    conversation = mine.chat.start()
    live_reply = mine.chat.send(conversation.id, "Tell me", persona_id="tester")
    while not live_reply.snapshot().text:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=WAIT)
    mine.chat.stop(live_reply.id)
    continued = mine.chat.continue_reply(live_reply.id)
    assert ended(continued).text == "Once upon a time."
    assert continued.id == live_reply.id
    assert "Once upon " in last_request(fake)
    assert said(mine, conversation) == ["Tell me", "Once upon a time."]
    with pytest.raises(NotContinuable):
        mine.chat.continue_reply(live_reply.id)


def test_a_reply_that_was_cut_goes_on_after_a_restart(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Once upon "], finish="length"), tokens(["a time."]))
    first = make_services()
    conversation = local(first).chat.start()
    live_reply = local(first).chat.send(conversation.id, "Tell me", persona_id="tester")
    assert ended(live_reply).finish_reason == "length"
    first.close()
    mine = local(make_services())
    assert ended(mine.chat.continue_reply(live_reply.id)).text == "Once upon a time."


def test_a_continued_reply_survives_a_restart_whole(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Once upon "], finish="length"), tokens(["a time."]))
    first = make_services()
    conversation = local(first).chat.start()
    ended(live_reply := local(first).chat.send(conversation.id, "Tell me", persona_id="tester"))
    continued = local(first).chat.continue_reply(live_reply.id)
    ended(continued)
    events = continued.wait(0, timeout_seconds=0)
    first.close()
    again = local(make_services()).chat.live_reply(live_reply.id)
    assert again.wait(0, timeout_seconds=0) == events
    assert (again.snapshot().text, again.state) == ("Once upon a time.", "finished")


def test_a_temporary_conversation_is_worked_with_alike_and_never_written(
    services: Services, mine: Workspace, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["eins"]), tokens(["uno"]))
    conversation = mine.chat.start(temporary=True)
    reply = mine.chat.send(conversation.id, "a temporary word", persona_id="tester")
    ended(reply)
    ended(mine.branches.regenerate(reply.id))
    mine.branches.rate(reply.id, 1)
    assert said(mine, conversation) == ["a temporary word", "uno"]
    forked = mine.branches.fork(reply.id)
    assert forked.temporary
    services.close()
    written = b"".join(path.read_bytes() for path in services.settings.data_dir.rglob("*") if path.is_file())
    assert written.startswith(b"SQLite")
    assert b"temporary word" not in written


def test_nobody_reads_or_changes_what_is_somebody_elses(
    services: Services, mine: Workspace, fake: FakeProvider
) -> None:
    conversation = begun(mine, fake, "one", "eins")
    question, answer = (turn.id for turn in conversation.path)
    other = services.of("somebody else")

    def refusals(conversation_id: str, question: str, answer: str) -> list[tuple[str, str]]:
        tries: list[Callable[[], object]] = [
            lambda: other.chat.conversation(conversation_id),
            lambda: other.chat.send(conversation_id, "Hi", persona_id="tester"),
            lambda: other.chat.retry(conversation_id),
            lambda: other.chat.queue(conversation_id, "Hi", persona_id="tester"),
            lambda: other.chat.unqueue(conversation_id),
            lambda: other.chat.clear(conversation_id),
            lambda: other.chat.keep(conversation_id),
            lambda: other.chat.discard(conversation_id),
            lambda: other.chat.live_reply(answer),
            lambda: other.chat.stop(answer),
            lambda: other.chat.pause(answer),
            lambda: other.chat.continue_reply(answer),
            lambda: other.branches.tree(conversation_id),
            lambda: other.branches.regenerate(answer),
            lambda: other.branches.edit(question, "Hi"),
            lambda: other.branches.fork(answer),
            lambda: other.branches.show_sibling(answer),
            lambda: other.branches.delete_turn(question),
            lambda: other.branches.restore_turn(question, answer),
            lambda: other.branches.rate(answer, 1),
            lambda: other.inspection.sent_request(answer),
            lambda: other.inspection.next(conversation_id, "tester", "Hi"),
        ]
        found = []
        for attempt in tries:
            with pytest.raises(PersonaChatError) as refused:
                attempt()
            assert isinstance(refused.value, ConversationNotFound | TurnNotFound | ReplyNotFound)
            found.append((refused.value.code, str(refused.value)))
        return found

    assert refusals(conversation.id, question, answer) == refusals("0" * 32, "1" * 32, "2" * 32)
    assert said(mine, conversation) == ["one", "eins"]
    assert len(fake.chats) == 1
