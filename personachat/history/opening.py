"""Conversations without the other services, for short commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from personachat.accounts.audit import Audit
from personachat.database.connection import Database
from personachat.history.library import ConversationLibrary
from personachat.owners import LOCAL_OWNER
from personachat.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[ConversationLibrary]:
    """The local owner's conversations. Raises DatabaseUnavailable and DatabaseDamaged."""
    database = Database.of(settings)
    try:
        yield ConversationLibrary(database, owner=LOCAL_OWNER, trail=Audit(database).trail(LOCAL_OWNER))
    finally:
        database.close()
