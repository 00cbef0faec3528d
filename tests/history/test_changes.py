"""Every change of a conversation is seen by whoever asks what changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.database.connection import Database
from personachat.history.changes import Change, changed_since
from personachat.history.library import ConversationLibrary
from personachat.owners import LOCAL_OWNER
from personachat.stamps import now
from tests.history.talk import Talk

CHANGES: dict[str, Callable[[Talk, ConversationLibrary, str], object]] = {
    "a message": lambda talk, _, id_: talk.say(id_, "More"),
    "a name": lambda _, library, id_: library.rename(id_, "Another"),
    "a pin": lambda _, library, id_: library.pin(id_, True),
    "the archive": lambda _, library, id_: library.archive(id_, True),
    "a deletion": lambda _, library, id_: library.delete(id_),
    "a deleted message": lambda talk, _, id_: talk.store.delete_turn(
        LOCAL_OWNER, talk.store.get(LOCAL_OWNER, id_).path[-1].id
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen(talk: Talk, library: ConversationLibrary, database: Database, what: str) -> None:
    talk.new("Untouched", "Answer")
    conversation_id = talk.new("Question", "Answer")
    moment = now()
    CHANGES[what](talk, library, conversation_id)
    with database.read() as connection:
        (change,) = changed_since(connection, moment)
    assert (change.owner, change.conversation_id) == (LOCAL_OWNER, conversation_id)
    assert change.is_listed is (what not in {"the archive", "a deletion"})
    assert change.changed_at >= moment


def test_a_summary_has_the_time_of_its_change(
    talk: Talk, library: ConversationLibrary, database: Database
) -> None:
    conversation_id = talk.new("Question", "Answer")
    moment = now()
    library.rename(conversation_id, "Another")
    summary = library.summary(conversation_id)
    with database.read() as connection:
        assert changed_since(connection, moment) == (
            Change(LOCAL_OWNER, conversation_id, summary.changed_at or moment, is_listed=True),
        )
