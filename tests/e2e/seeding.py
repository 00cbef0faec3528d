"""Conversations as they would be after weeks, straight into the database of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from personachat.database.connection import Database
from tests.e2e.conftest import AppServer
from tests.history.talk import Talk


@contextmanager
def talk_in(server: AppServer) -> Iterator[Talk]:
    """Says things as the person at the server's own machine."""
    database = Database(f"sqlite:///{server.personas_dir.with_name('data') / 'personachat.sqlite3'}")
    try:
        yield Talk(database)
    finally:
        database.close()


def exchanges(count: int, reply: str = "An answer of **some** words.") -> list[str]:
    """What a person and a persona say in turn."""
    return [words for number in range(count) for words in (f"Question {number}", f"{reply} ({number})")]


SPEAKER: dict[str, Any] = {"persona_id": "default-persona", "persona_name": "Assistant", "avatar": ""}
"""The persona that is shipped as the first one, for turns that it is to go on from."""

BEHAVES = "!!document.querySelector('[data-page-skip]')"
"""Whether the page's own module has been loaded."""
