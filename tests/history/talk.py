"""Says things in conversations, straight into the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, settings
from sqlalchemy import text, update

from personachat.conversations.model import Reply, Turn
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import conversations, turns
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.stamps import new_id

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""For tests that import what Hypothesis makes up."""


class Talk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlConversations(database)

    def new(self, *said: str, owner: str = LOCAL_OWNER, **changes: Any) -> str:
        """A conversation in which user and assistant say this in turn; `changes` are of the turns."""
        conversation_id = self.store.create(owner).id
        if said:
            self.say(conversation_id, *said, owner=owner, **changes)
        return conversation_id

    def say(self, conversation_id: str, *said: str, owner: str = LOCAL_OWNER, **changes: Any) -> list[str]:
        """Goes on below the leaf; returns the turns' ids."""
        leaf = self.store.get(owner, conversation_id, last=1).leaf
        above = leaf.id if leaf else None
        asks = leaf is None or leaf.role == "assistant"
        added: list[Turn] = []
        for words in said:
            added.append(turn(words, above, asks=asks, **changes))
            above, asks = added[-1].id, not asks
        assert self.store.append(owner, conversation_id, added, only_after=leaf.id if leaf else None)
        return [one.id for one in added]

    def add(self, conversation_id: str, one: Turn, *, owner: str = LOCAL_OWNER) -> str:
        """A turn wherever it hangs; it is the leaf then."""
        leaf = self.store.get(owner, conversation_id, last=1).leaf
        assert self.store.append(owner, conversation_id, [one], only_after=leaf.id if leaf else None)
        return one.id

    def set_turn(self, turn_id: str, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(update(turns).where(turns.c.id == turn_id).values(**values))

    def set_head(self, conversation_id: str, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(
                update(conversations).where(conversations.c.id == conversation_id).values(**values)
            )

    def move(self, conversation_id: str, moment: datetime) -> None:
        self.set_head(conversation_id, updated_at=moment)

    def check_index(self) -> None:
        """The full-text index holds exactly the turns that belong in it, with their words of now."""
        with self.database.write() as connection:
            if self.database.is_sqlite:
                check = "INSERT INTO turn_words(turn_words, rank) VALUES ('integrity-check', 1)"
                connection.exec_driver_sql(check)
                return
            wrong = connection.scalar(
                text(
                    "SELECT count(*) FROM (SELECT number, indexed_words(t) AS words FROM turns t"
                    " WHERE deleted_at IS NULL AND (state IS NULL OR state NOT IN ('running', 'paused'))"
                    ") AS right_ones FULL JOIN turn_words USING (number)"
                    " WHERE right_ones.words IS DISTINCT FROM turn_words.words"
                )
            )
            assert wrong == 0


def turn(words: str, above: str | None = None, *, asks: bool = True, **changes: Any) -> Turn:
    """A user's turn, or an assistant's with a finished reply."""
    reply = None if asks else Reply(state="finished", text=words, model=changes.pop("model", "gpt-4"))
    changes.pop("model", None)
    made = Turn(
        id=new_id(),
        parent_id=above,
        role="user" if asks else "assistant",
        content=words if asks else "",
        persona_id="analyst",
        persona_name="Analyst",
        avatar="🧭",
        reply=reply,
    )
    return replace(made, **changes)
