"""Conversations of before personas could be renamed: nothing is lost, and all of it can be renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, insert, select

from personachat.conversations.model import QueuedMessage
from personachat.conversations.renaming import move_persona
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import queued_messages, turns
from personachat.database import schema
from personachat.database.connection import Database
from tests.postgres import fresh_database
from tests.spoken import OWNER


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def test_what_waits_and_what_was_said_is_there_and_goes_along(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0009")
    tables = MetaData()
    tables.reflect(engine)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    if engine.dialect.name == "sqlite":
        moment = moment.replace(tzinfo=None)
    words = (
        "title",
        "persona_revision",
        "rating_note",
        "reasoning",
        "provider",
        "model",
        "reason",
        "summary",
    )
    blank: dict[str, Any] = {
        **dict.fromkeys((*words, "summary"), ""),
        "journal": "",
        "edited": False,
        "created_at": moment,
    }
    flags = dict.fromkeys(("has_own_title", "pinned", "archived"), False)
    head = {"id": "c1", "owner": OWNER, "leaf_id": "t1", "updated_at": moment, "kept": True}
    turn = {"id": "t1", "conversation_id": "c1", "depth": 0, "role": "user", "text": "Why?"}
    queued = {"id": "q1", "conversation_id": "c1", "position": 0, "content": "And?", "offline": False}
    with engine.begin() as connection:
        for name, row in (
            ("conversations", head | flags | blank),
            ("turns", turn | {"persona_id": "tutor", "persona_name": "Tutor"} | blank),
            ("queued_messages", queued | {"persona_id": "tutor"}),
        ):
            table = tables.tables[name]
            connection.execute(insert(table).values({key: row[key] for key in row if key in table.c}))
    engine.dispose()

    with closing(Database(url)) as database:
        store = SqlConversations(database)
        found = store.get(OWNER, "c1")
        assert [(each.text, each.persona_address) for each in found.path] == [("Why?", "tutor")]
        assert [each.content for each in found.queue] == ["And?"]
        longest = f"{'x' * 64}@{'y' * 32}"
        for number, name in enumerate(("tutor@production", "tutor2@production", longest)):
            store.queue(OWNER, "c1", QueuedMessage(f"q{number + 2}", "More", name, False))

        with database.write() as connection:
            move_persona(connection, "tutor", "coach")

        with database.read() as connection:
            spoke = connection.scalars(select(turns.c.persona_id)).all()
            waits = connection.scalars(select(queued_messages.c.persona_id)).all()
        assert spoke == ["coach"]
        assert sorted(waits) == sorted(["coach", "coach@production", "tutor2@production", longest])
