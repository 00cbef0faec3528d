"""Administration without the other services, for short commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from personachat.accounts.administrator import Administrator
from personachat.accounts.audit import Audit
from personachat.accounts.budgets import Budgets
from personachat.accounts.known_people import KnownPeople
from personachat.accounts.tokens import Tokens
from personachat.database.connection import Database
from personachat.history.person_data import PersonData
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.seeding import open_store
from personachat.settings import Settings
from personachat.usage.people import People


@contextmanager
def opened(settings: Settings) -> Iterator[Administrator]:
    """What the user of this machine may do. Raises DatabaseUnavailable and DatabaseDamaged."""
    database = Database.of(settings)
    try:
        budgets = Budgets(database, People(database), settings=settings)
        yield Administrator(
            budgets,
            Audit(database),
            Tokens(database),
            KnownPeople(database),
            PersonData(database, data_dir=settings.data_dir),
            owner=LOCAL_OWNER,
            persona_ids=lambda: [each.id for each in open_store(settings, database)[0].all()],
        )
    finally:
        database.close()
