"""Moving between the branches of a conversation, deleting turns and undoing it, wherever it is kept."""

from __future__ import annotations

import pytest

from personachat.conversations.base import ConversationStore
from personachat.conversations.model import Turn
from personachat.errors import TurnNotFound
from tests.spoken import OWNER, spoken


def texts(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.text for turn in turns]


def test_showing_moves_between_branches_and_loses_nothing(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, b, c = spoken(store, conversation.id, "a", "b", "c")
    spoken(store, conversation.id, "b2", "c2", after=a.id)
    store.show(OWNER, conversation.id, b.id)
    assert texts(store.get(OWNER, conversation.id).path) == ["a", "b"]
    store.show_branch(OWNER, conversation.id, b.id)
    assert store.get(OWNER, conversation.id).leaf_id == c.id
    store.show_branch(OWNER, conversation.id, a.id)
    assert texts(store.get(OWNER, conversation.id).path) == ["a", "b2", "c2"]
    store.show(OWNER, conversation.id, None)
    cleared = store.get(OWNER, conversation.id)
    assert (cleared.path, cleared.length) == ((), 0)
    assert len(store.tree(OWNER, conversation.id)) == 5


def test_no_turn_of_another_conversation_is_shown(store: ConversationStore) -> None:
    one, other = store.create(OWNER), store.create(OWNER)
    [turn] = spoken(store, other.id, "x")
    for show in (store.show, store.show_branch):
        with pytest.raises(TurnNotFound):
            show(OWNER, one.id, turn.id)
    assert store.get(OWNER, one.id).leaf_id is None


def test_a_deleted_turn_hides_what_is_below_it(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, b, c = spoken(store, conversation.id, "a", "b", "c")
    assert store.delete_turn(OWNER, b.id) == c.id
    found = store.get(OWNER, conversation.id)
    assert texts(found.path) == ["a"]
    assert found.leaf_id == a.id
    assert texts(store.tree(OWNER, conversation.id)) == ["a"]
    for hidden in (b, c):
        for look in (store.turn, store.path, store.request, store.delete_turn):
            with pytest.raises(TurnNotFound):
                look(OWNER, hidden.id)
        with pytest.raises(TurnNotFound):
            store.rate(OWNER, hidden.id, 1)
        with pytest.raises(TurnNotFound):
            store.show(OWNER, conversation.id, hidden.id)


def test_after_deleting_the_newest_sibling_is_shown(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, _, c = spoken(store, conversation.id, "a", "b", "c")
    [other] = spoken(store, conversation.id, "b2", after=a.id)
    store.delete_turn(OWNER, other.id)
    found = store.get(OWNER, conversation.id)
    assert found.leaf_id == c.id
    assert found.siblings == {}


def test_deleting_on_another_branch_changes_nothing_shown(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, b, _ = spoken(store, conversation.id, "a", "b", "c")
    [other] = spoken(store, conversation.id, "b2", after=a.id)
    assert store.delete_turn(OWNER, b.id) == other.id
    assert texts(store.get(OWNER, conversation.id).path) == ["a", "b2"]


def test_restoring_undoes_deleting(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    _, b, _ = spoken(store, conversation.id, "a", "b", "c")
    before = store.get(OWNER, conversation.id)
    leaf_id = store.delete_turn(OWNER, b.id)
    store.restore_turn(OWNER, b.id, leaf_id=leaf_id)
    assert store.get(OWNER, conversation.id) == before


def test_restoring_with_a_leaf_that_stays_hidden_restores_nothing(store: ConversationStore) -> None:
    conversation = store.create(OWNER)
    a, b, c = spoken(store, conversation.id, "a", "b", "c")
    store.delete_turn(OWNER, c.id)
    store.delete_turn(OWNER, b.id)
    with pytest.raises(TurnNotFound):
        store.restore_turn(OWNER, c.id, leaf_id=c.id)
    store.restore_turn(OWNER, b.id, leaf_id=b.id)
    assert texts(store.tree(OWNER, conversation.id)) == ["a", "b"]
    assert store.get(OWNER, conversation.id).leaf_id == b.id
    assert a.id in {turn.id for turn in store.path(OWNER, b.id)}
