"""Tidying up: at the start, and every hour while PersonaChat runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from personachat.accounts.audit import Audit
from personachat.accounts.budgets import REFRESH_SECONDS, Budgets
from personachat.accounts.housekeeping import Chore
from personachat.conversations.faces import faces
from personachat.conversations.responses import KeptResponses
from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.errors import StoreUnavailable
from personachat.history.erasing import expire
from personachat.history.organizing import purge
from personachat.lab.comparisons.store import expire as expire_comparisons
from personachat.lab.comparisons.store import purge as purge_comparisons
from personachat.lab.testing import Testing
from personachat.personas.store.base import PersonaStore
from personachat.personas.store.drafts import purge_drafts
from personachat.personas.store.picture_purging import PicturePurging, purge_pictures

CHORE_SECONDS = 3600.0
SAMPLE_SECONDS = 30.0


def tidy_up(database: Database, personas: PersonaStore, kept_responses: KeptResponses) -> None:
    """Permanently delete what was deleted long ago. Raises DatabaseUnavailable and DatabaseDamaged."""
    purge(database)
    purge_comparisons(database)
    kept_responses.forget_old()
    purge_drafts(database)
    with suppress(StoreUnavailable):
        # Reading and recording many personas for the first time takes a moment.
        texts = [persona.text for persona in personas.all()]
        purge_pictures(database, also=(faces,), texts=texts)


def chores(
    database: Database,
    budgets: Budgets,
    audit: Audit,
    personas: PersonaStore,
    testing: Testing,
    *,
    retention_days: int | None,
) -> list[Chore]:
    """The recurring jobs. Without `retention_days`, conversations and comparisons are kept."""
    always = [
        Chore(budgets.refresh, REFRESH_SECONDS),
        Chore(budgets.forget_old, CHORE_SECONDS),
        Chore(audit.forget_old, CHORE_SECONDS),
        Chore(testing.sampler.look, SAMPLE_SECONDS, at_start=False),
        Chore(lambda: testing.suites.give_shipped(personas.all()), CHORE_SECONDS),
        *_purging(database, personas),
    ]
    if retention_days is None:
        return always
    expiring = (expire_comparisons, expire)
    return always + [Chore(partial(each, database, days=retention_days), CHORE_SECONDS) for each in expiring]


def _purging(database: Database, personas: PersonaStore) -> list[Chore]:
    """What `tidy_up` does at the start, repeated while the server runs."""
    pictures = PicturePurging(
        database,
        texts=lambda: [each.text for each in personas.all()],
        also=(faces,),
        naming=(conversations,),
    )
    purges: list[Callable[[], int]] = [partial(each, database) for each in (purge, purge_comparisons)]
    purges += [partial(purge_drafts, database), pictures.purge_if_due]
    return [Chore(each, CHORE_SECONDS, at_start=False) for each in purges]
