"""Conversations that are in memory alone."""

from __future__ import annotations

import pytest

from personachat.conversations.memory import MemoryConversations
from personachat.conversations.model import Reply
from personachat.errors import ConversationNotFound, TurnNotFound
from tests.spoken import OWNER, replied, spoken


def test_the_oldest_idle_ones_make_room() -> None:
    store = MemoryConversations(capacity=3)
    busy, idle, used = (store.create(OWNER) for _ in range(3))
    running = replied(after=None)
    store.append(OWNER, busy.id, [running], only_after=None)
    [turn] = spoken(store, idle.id, "old")
    spoken(store, used.id, "newer")
    store.create(OWNER)
    assert busy.id in store
    assert used.id in store
    assert idle.id not in store
    assert not store.has_turn(turn.id)
    with pytest.raises(ConversationNotFound):
        store.get(OWNER, idle.id)
    with pytest.raises(TurnNotFound):
        store.turn(OWNER, turn.id)


def test_a_reply_is_written_into_its_turn() -> None:
    store = MemoryConversations()
    conversation = store.create(OWNER)
    turn = replied(after=None)
    store.append(OWNER, conversation.id, [turn], only_after=None)
    ended = Reply(state="finished", text="Done.")
    store.write_reply(turn.id, ended)
    store.write_reply("gone", ended)
    assert store.turn(OWNER, turn.id)[1].reply == ended


def test_they_say_that_they_are_temporary() -> None:
    store = MemoryConversations()
    conversation = store.create(OWNER)
    assert conversation.temporary
    assert store.get(OWNER, conversation.id).temporary
