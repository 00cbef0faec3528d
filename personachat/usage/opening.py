"""The ledger without the other services, for short commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.settings import Settings
from personachat.usage.people import People
from personachat.usage.reading import UsageReader


@contextmanager
def opened(settings: Settings) -> Iterator[UsageReader]:
    """Everybody's calls. Raises DatabaseUnavailable and DatabaseDamaged."""
    database = Database.of(settings)
    try:
        yield UsageReader(database, People(database), owner=LOCAL_OWNER)
    finally:
        database.close()
