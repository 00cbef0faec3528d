"""What every ConversationStore does, wherever it keeps conversations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event

from personachat.conversations.base import ConversationStore
from personachat.conversations.model import QueuedMessage, Reply, SentRequest, Turn
from personachat.conversations.sql import SqlConversations
from personachat.conversations.titles import MOST_READ_MESSAGES
from personachat.errors import ConversationNotFound, TurnNotFound
from personachat.messages import ChatMessage, Failed, Usage
from personachat.stamps import new_id
from tests.spoken import OWNER, replied, said, spoken


def texts(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.text for turn in turns]


def test_a_new_conversation_is_empty(store: ConversationStore) -> None:
    made = store.create(OWNER, durable=False)
    found = store.get(OWNER, made.id)
    assert found == made
    assert (found.path, found.length, found.leaf, found.title, found.durable) == ((), 0, None, "", False)


def test_a_conversation_can_begin_with_turns(store: ConversationStore) -> None:
    question = said("What does a cat weigh?")
    answer = replied("Four kilograms.", after=question.id)
    request = SentRequest((ChatMessage("system", "Answer."),), {"temperature": 0.5})
    made = store.create(OWNER, turns=[question, answer], requests={answer.id: request})
    found = store.get(OWNER, made.id)
    assert found.path == (question, replace(answer, depth=1))
    assert (found.title, found.leaf_id, found.length) == ("What does a cat weigh?", answer.id, 2)
    assert (made.id, made.title, made.leaf_id) == (found.id, found.title, found.leaf_id)
    assert store.request(OWNER, answer.id) == request
    assert store.append(OWNER, made.id, [said("And a dog?", after=answer.id)], only_after=answer.id)


def test_a_conversation_begins_with_all_its_turns_or_not_at_all(store: ConversationStore) -> None:
    whole = store.create(OWNER, turns=[said("here")])
    first, lost = said("one"), said("two", after=new_id())
    with pytest.raises(TurnNotFound):
        store.create(OWNER, turns=[first, lost])
    with pytest.raises(TurnNotFound):
        store.turn(OWNER, first.id)
    assert texts(store.get(OWNER, whole.id).path) == ["here"]


def test_turns_come_back_as_they_were_said(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    reply = Reply(
        state="failed",
        text="Half an ans",
        reasoning="Hm.",
        provider="openai",
        model="gpt-x",
        reason="The other one is gone.",
        notices=("Dropped 2 messages.", "Left out top_p."),
        usage=Usage(12, 7),
        cost_usd=0.000125,
        finish_reason="length",
        error=Failed("rate_limited", "Too many.", "Wait.", 2.5),
        first_token_seconds=0.125,
        reasoning_seconds=0.5,
        duration_seconds=1.75,
        memory_from=4,
        summary="They greeted.",
    )
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    question = said("Why?\n😀 Ж", avatar="🦊", persona_revision="etag", created_at=moment)
    answer = replace(replied(after=question.id), reply=reply, edited=True, rating=-1, rating_note="no")
    assert store.append(OWNER, conversation.id, [question, answer], only_after=None)
    found = store.get(OWNER, conversation.id)
    assert found.path == (question, replace(answer, depth=1))
    assert (found.leaf_id, found.length) == (answer.id, 2)


def test_only_the_last_turns_are_read_where_asked(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    spoken(store, conversation.id, *"abcdef")
    found = store.get(OWNER, conversation.id, last=2)
    assert texts(found.path) == ["e", "f"]
    assert found.length == 6
    assert [turn.depth for turn in found.path] == [4, 5]
    assert store.get(OWNER, conversation.id, last=0).path == ()
    assert store.get(OWNER, conversation.id, last=99).path == store.get(OWNER, conversation.id).path


def test_nothing_is_appended_once_the_conversation_went_on(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    first = spoken(store, conversation.id, "one")[0]
    assert not store.append(OWNER, conversation.id, [said("late")], only_after=None)
    assert not store.append(OWNER, conversation.id, [said("odd", after=first.id)], only_after=new_id())
    assert texts(store.tree(OWNER, conversation.id)) == ["one"]


def test_appending_moves_the_date_and_showing_does_not(store: ConversationStore) -> None:
    made = store.create(OWNER)
    first = spoken(store, made.id, "one")[0]
    went_on = store.get(OWNER, made.id).updated_at
    assert made.updated_at < went_on
    store.show(OWNER, made.id, None)
    store.show_branch(OWNER, made.id, first.id)
    assert store.get(OWNER, made.id).updated_at == went_on
    assert store.get(OWNER, made.id).created_at == made.created_at


def test_a_turn_hangs_where_its_parent_says(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, b, c = spoken(store, conversation.id, "a", "b", "c")
    [other] = spoken(store, conversation.id, "b2", after=a.id)
    found = store.get(OWNER, conversation.id)
    assert texts(found.path) == ["a", "b2"]
    assert found.siblings == {other.id: (b.id, other.id)}
    assert texts(store.path(OWNER, c.id)) == ["a", "b", "c"]
    assert store.turn(OWNER, other.id) == (conversation.id, found.path[1])
    assert texts(store.tree(OWNER, conversation.id)) == ["a", "b", "c", "b2"]


def test_first_turns_are_siblings_too(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    [first] = spoken(store, conversation.id, "one")
    [second] = spoken(store, conversation.id, "two")
    assert store.get(OWNER, conversation.id).siblings == {second.id: (first.id, second.id)}


@pytest.mark.parametrize("kind", ["unknown", "deleted", "elsewhere"])
def test_no_turn_hangs_below_one_that_is_not_there(store: ConversationStore, kind: str) -> None:
    conversation, elsewhere = store.create(OWNER), store.create(OWNER)
    a, b = spoken(store, conversation.id, "a", "b")
    [foreign] = spoken(store, elsewhere.id, "x")
    store.delete_turn(OWNER, b.id)
    parent_id = {"unknown": new_id(), "deleted": b.id, "elsewhere": foreign.id}[kind]
    with pytest.raises(TurnNotFound):
        store.append(OWNER, conversation.id, [said("lost", after=parent_id)], only_after=a.id)
    assert texts(store.get(OWNER, conversation.id).path) == ["a"]


def test_a_rating_is_kept_with_its_note_and_taken_back(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    turn = replied("Yes.", after=None, state="finished")
    store.append(OWNER, conversation.id, [turn], only_after=None)
    store.rate(OWNER, turn.id, -1, note="Too short")
    rated = store.turn(OWNER, turn.id)[1]
    assert (rated.rating, rated.rating_note) == (-1, "Too short")
    store.rate(OWNER, turn.id, None)
    taken_back = store.turn(OWNER, turn.id)[1]
    assert (taken_back.rating, taken_back.rating_note) == (None, "")


def test_what_was_asked_is_kept_with_the_reply(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    question = said("Why?")
    answers = [replied(after=question.id, state="finished"), replied(after=None, state="finished")]
    answers[1] = replace(answers[1], parent_id=answers[0].id)
    messages = (ChatMessage("system", "You are a test."), ChatMessage("user", "An example"))
    asked = SentRequest(messages, {"model": "m", "temperature": 0.5, "stop": ["a"]})
    turns = [question, *answers]
    requests = {answer.id: asked for answer in answers}
    store.append(OWNER, conversation.id, turns, only_after=None, requests=requests)
    assert [store.request(OWNER, turn.id) for turn in turns] == [None, asked, asked]


def test_queued_messages_come_out_in_order(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    one, two, three = (
        QueuedMessage(new_id(), text, "tester", offline=text == "two") for text in ("one", "two", "three")
    )
    for message in (one, two, three):
        store.queue(OWNER, conversation.id, message)
    assert store.get(OWNER, conversation.id).queue == (one, two, three)
    assert store.waiting(OWNER, conversation.id) == (one, two, three)
    assert store.unqueue(OWNER, conversation.id, two.id) == two
    assert store.unqueue(OWNER, conversation.id, two.id) is None
    assert [store.unqueue(OWNER, conversation.id) for _ in range(3)] == [one, three, None]
    assert store.waiting(OWNER, conversation.id) == ()


def test_keeping_is_remembered(store: ConversationStore) -> None:
    conversation = store.create(OWNER, durable=False)
    store.keep(OWNER, conversation.id)
    assert store.get(OWNER, conversation.id).durable


def test_a_discarded_conversation_is_gone_however_long(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    turns = spoken(store, conversation.id, *(f"turn {number}" for number in range(2_000)))
    store.queue(OWNER, conversation.id, QueuedMessage(new_id(), "later", "tester"))
    store.discard(OWNER, conversation.id)
    store.discard(OWNER, conversation.id)
    with pytest.raises(ConversationNotFound):
        store.get(OWNER, conversation.id)
    with pytest.raises(TurnNotFound):
        store.turn(OWNER, turns[-1].id)


def test_the_title_is_what_was_said_first(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    spoken(store, conversation.id, "hello")
    assert store.get(OWNER, conversation.id).title == "hello"
    leaf_id = store.get(OWNER, conversation.id).leaf_id
    spoken(store, conversation.id, "How do trams brake?", after=leaf_id)
    leaf_id = store.get(OWNER, conversation.id).leaf_id
    spoken(store, conversation.id, "And how do ships?", after=leaf_id)
    assert store.get(OWNER, conversation.id).title == "How do trams brake?"


def test_what_no_database_can_hold_is_replaced(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    turn = replied("a\0b\ud800c", after=None, state="finished", model="m" * 500)
    asked = SentRequest((ChatMessage("system", "x\0"),), {"stop": ["\ud800"]})
    store.append(OWNER, conversation.id, [turn], only_after=None, requests={turn.id: asked})
    store.queue(OWNER, conversation.id, QueuedMessage(new_id(), "q\0", "tester"))
    store.rate(OWNER, turn.id, 1, note="n\0")
    found = store.turn(OWNER, turn.id)[1]
    assert found.text.startswith("a")
    assert found.text.endswith("c")
    assert store.request(OWNER, turn.id) is not None


def test_settings_are_kept_as_a_whole_and_are_their_owners_alone(store: ConversationStore) -> None:
    made = store.create(OWNER, turns=[said("Hello")], settings={"model": "gpt-9", "tone": "dry"})
    assert made.settings == store.get(OWNER, made.id).settings == {"model": "gpt-9", "tone": "dry"}
    store.adjust(OWNER, made.id, {"temperature": 0.0})
    assert store.get(OWNER, made.id).settings == {"temperature": 0.0}
    with pytest.raises(ConversationNotFound):
        store.adjust("user:somebody-else", made.id, {"temperature": 2.0})
    assert store.get(OWNER, made.id).settings == {"temperature": 0.0}
    store.adjust(OWNER, made.id, {})
    assert store.get(OWNER, made.id).settings == {}


def test_a_long_conversation_keeps_its_title_without_a_look_at_what_was_said_first(
    conversations: SqlConversations,
) -> None:
    conversation = conversations.create(OWNER)
    for _ in range(MOST_READ_MESSAGES):
        spoken(conversations, conversation.id, "hi", after=conversations.get(OWNER, conversation.id).leaf_id)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        leaf_id = conversations.get(OWNER, conversation.id).leaf_id
        asked.clear()
        spoken(conversations, conversation.id, "How do trams brake?", after=leaf_id)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [statement for statement in asked if statement.startswith("SELECT turns.role, turns.text")] == []
    assert conversations.get(OWNER, conversation.id).title == "hi"
