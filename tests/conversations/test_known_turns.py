"""A turn that has not changed is made once; one that has is never read as it was."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from sqlalchemy import update

from personachat.conversations import known_turns
from personachat.conversations.known_turns import KnownTurns
from personachat.conversations.rows import turn_of
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import turns as table
from personachat.database.connection import Database
from tests.spoken import OWNER, replied, said


def talk(store: SqlConversations, exchanges: int, *, text: str = "Words") -> str:
    conversation_id = store.create(OWNER).id
    after = None
    for _ in range(exchanges):
        question = said("A question", after=after)
        answer = replied(text, after=question.id)
        store.append(OWNER, conversation_id, [question, answer], only_after=after)
        after = answer.id
    return conversation_id


def test_only_turns_that_are_new_or_changed_are_made(conversations: SqlConversations) -> None:
    conversation_id = talk(conversations, 5)
    before = conversations.get(OWNER, conversation_id)
    last = before.path[-1]
    conversations.append(OWNER, conversation_id, [said("More", after=last.id)], only_after=last.id)
    conversations.rate(OWNER, last.id, 1, note="Good")
    with patch.object(known_turns, "turn_of", wraps=turn_of) as made:
        after = conversations.get(OWNER, conversation_id)
    assert made.call_count == 2
    assert after.path[-2] == replace(last, rating=1, rating_note="Good")
    assert all(old is new for old, new in zip(before.path[:-1], after.path, strict=False))


def test_what_another_process_changes_is_seen(database: Database) -> None:
    here, elsewhere = SqlConversations(database), SqlConversations(database)
    conversation_id = talk(here, 2)
    turns = here.get(OWNER, conversation_id).path
    elsewhere.rate(OWNER, turns[1].id, -1, note="No")
    with database.write() as connection:
        connection.execute(update(table).where(table.c.id == turns[-1].id).values(text="Other words"))
    found = here.get(OWNER, conversation_id)
    assert [turn.rating for turn in found.path] == [None, -1, None, None]
    assert found.path[-1].text == "Other words"
    assert found.path == elsewhere.get(OWNER, conversation_id).path
    elsewhere.delete_turn(OWNER, turns[2].id)
    assert here.get(OWNER, conversation_id).path == found.path[:2]


@pytest.mark.parametrize("text", ["Words", "W" * (known_turns.MOST_CHARACTERS + 1)])
def test_what_is_kept_is_limited(
    conversations: SqlConversations, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    known = KnownTurns(most=4)
    monkeypatch.setattr(conversations, "_known_turns", known)
    conversation_id = talk(conversations, 5, text=text)
    for _ in range(3):
        path = conversations.get(OWNER, conversation_id).path
        assert [turn.text for turn in path] == ["A question", text] * 5
        assert len(known) <= 4
