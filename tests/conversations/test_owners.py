"""What belongs to somebody else answers exactly like what does not exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.conversations.base import ConversationStore
from personachat.conversations.model import QueuedMessage
from personachat.errors import PersonaChatError
from personachat.stamps import new_id
from tests.spoken import OWNER, said, spoken

STRANGER = "user:eve"
MESSAGE = QueuedMessage(new_id(), "mine", "tester")

BY_CONVERSATION: dict[str, Callable[[ConversationStore, str, str], object]] = {
    "get": lambda store, owner, found: store.get(owner, found),
    "get some": lambda store, owner, found: store.get(owner, found, last=5),
    "tree": lambda store, owner, found: store.tree(owner, found),
    "append": lambda store, owner, found: store.append(owner, found, [said("x")], only_after=None),
    "append nothing": lambda store, owner, found: store.append(owner, found, [], only_after=None),
    "show": lambda store, owner, found: store.show(owner, found, None),
    "show a turn": lambda store, owner, found: store.show(owner, found, new_id()),
    "show_branch": lambda store, owner, found: store.show_branch(owner, found, new_id()),
    "keep": lambda store, owner, found: store.keep(owner, found),
    "queue": lambda store, owner, found: store.queue(owner, found, MESSAGE),
    "unqueue": lambda store, owner, found: store.unqueue(owner, found),
    "waiting": lambda store, owner, found: store.waiting(owner, found),
}
BY_TURN: dict[str, Callable[[ConversationStore, str, str], object]] = {
    "turn": lambda store, owner, found: store.turn(owner, found),
    "path": lambda store, owner, found: store.path(owner, found),
    "request": lambda store, owner, found: store.request(owner, found),
    "rate": lambda store, owner, found: store.rate(owner, found, 1, note="mine"),
    "delete_turn": lambda store, owner, found: store.delete_turn(owner, found),
    "restore_turn": lambda store, owner, found: store.restore_turn(owner, found, leaf_id=None),
}


def answer(call: Callable[[], object]) -> tuple[type[Exception], str, str]:
    with pytest.raises(PersonaChatError) as raised:
        call()
    return type(raised.value), str(raised.value), raised.value.hint


@pytest.mark.parametrize("name", BY_CONVERSATION)
def test_a_strangers_conversation_is_an_unknown_one(store: ConversationStore, name: str) -> None:
    theirs = store.create(OWNER)
    spoken(store, theirs.id, "secret")
    before = store.get(OWNER, theirs.id)
    call = BY_CONVERSATION[name]
    assert answer(lambda: call(store, STRANGER, theirs.id)) == answer(lambda: call(store, STRANGER, new_id()))
    assert store.get(OWNER, theirs.id) == before


@pytest.mark.parametrize("name", BY_TURN)
def test_a_strangers_turn_is_an_unknown_one(store: ConversationStore, name: str) -> None:
    theirs = store.create(OWNER)
    [turn] = spoken(store, theirs.id, "secret")
    before = store.get(OWNER, theirs.id)
    call = BY_TURN[name]
    assert answer(lambda: call(store, STRANGER, turn.id)) == answer(lambda: call(store, STRANGER, new_id()))
    assert store.get(OWNER, theirs.id) == before


def test_a_strangers_turn_is_no_place_to_append_or_show(store: ConversationStore) -> None:
    theirs, mine = store.create(OWNER), store.create(STRANGER)
    [turn] = spoken(store, theirs.id, "secret")
    for call in (
        lambda found: store.append(STRANGER, mine.id, [said("x", after=found)], only_after=None),
        lambda found: store.show(STRANGER, mine.id, found),
        lambda found: store.show_branch(STRANGER, mine.id, found),
    ):
        assert answer(lambda: call(turn.id)) == answer(lambda: call(new_id()))  # noqa: B023  # over before the next round
    assert store.tree(STRANGER, mine.id) == ()


def test_discarding_a_strangers_conversation_does_nothing(store: ConversationStore) -> None:
    theirs = store.create(OWNER)
    store.discard(STRANGER, theirs.id)
    assert store.get(OWNER, theirs.id) == theirs
