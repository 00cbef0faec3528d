"""A PostgreSQL that takes connections and data and never answers: nobody waits for it without end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text

from personachat.conversations.sql import SqlConversations
from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from tests.frozen_postgres import OwnPostgres, own_postgres  # noqa: F401  # fixtures

OWNER = "ada"

UNANSWERED = "doesn't answer|can't be reached"


@pytest.fixture
def database(own_postgres: OwnPostgres) -> Iterator[Database]:  # noqa: F811  # a fixture
    with closing(Database(own_postgres.url, silent_seconds=1.0)) as database:
        database.prepare()
        yield database


def ask(database: Database) -> object:
    with database.read() as connection:
        return connection.execute(text("SELECT 1")).scalar_one()


def test_a_frozen_server_is_given_up_and_used_again_when_it_goes_on(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    database: Database,
) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    own_postgres.freeze()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match=UNANSWERED):
            store.get(OWNER, conversation.id)
        with pytest.raises(DatabaseUnavailable, match=UNANSWERED):
            store.create(OWNER)
    own_postgres.thaw()
    assert again(lambda: store.get(OWNER, conversation.id)) == conversation


def test_a_server_that_freezes_in_the_middle_of_a_transaction_is_given_up(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    database: Database,
) -> None:
    def freeze_within() -> None:
        with database.write() as connection:
            connection.execute(text("SELECT 1"))
            own_postgres.freeze()
            connection.execute(text("SELECT 2"))

    with pytest.raises(DatabaseUnavailable, match="doesn't answer") as raised:
        freeze_within()
    assert raised.value.retry_after_seconds is not None
    assert database._engine is not None
    assert database._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # looser than the types on purpose
    own_postgres.thaw()
    assert again(lambda: ask(database)) == 1


def test_a_database_that_was_never_opened_is_given_up_too(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
) -> None:
    own_postgres.freeze()
    with closing(Database(own_postgres.url, silent_seconds=1.0)) as database:
        with pytest.raises(DatabaseUnavailable, match=UNANSWERED):
            database.prepare()
        own_postgres.thaw()
        assert again(lambda: ask(database)) == 1


def test_many_who_ask_a_frozen_server_are_all_told(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    database: Database,
) -> None:
    own_postgres.freeze()

    def told(_: int) -> str:
        with pytest.raises(DatabaseUnavailable) as raised:
            ask(database)
        return raised.value.code

    with ThreadPoolExecutor(60) as pool:  # more than there are connections
        assert set(pool.map(told, range(60))) == {"database_unavailable"}


def test_a_statement_that_takes_too_long_is_cancelled_and_no_outage(database: Database) -> None:
    def sleep() -> None:
        with database.read() as connection:
            connection.execute(text("SELECT pg_sleep(600)"))

    with pytest.raises(DatabaseUnavailable, match="took too long"):
        sleep()
    assert ask(database) == 1
    with database.read() as connection:
        still = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
        found = connection.execute(text(f"{still} AND pid <> pg_backend_pid()"))
        assert found.scalar_one() == 0


def test_a_lock_that_never_comes_free_is_given_up(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    database: Database,
) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    with psycopg.connect(own_postgres.uri) as other:
        other.execute("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable, match="took too long"):
            store.get(OWNER, conversation.id)
    assert store.get(OWNER, conversation.id) == conversation


def test_rows_that_come_slowly_are_waited_for(database: Database) -> None:
    """Silence is what counts, not how long it takes: each row comes sooner than the limit, all later."""
    slow = "SELECT repeat('x', 20000), pg_sleep(0.15) FROM generate_series(1, 20)"
    with database.read() as connection:
        assert len(connection.execute(text(slow)).all()) == 20


def test_a_migration_may_take_longer_than_a_statement(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
) -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with (
        psycopg.connect(own_postgres.uri) as other,
        psycopg.connect(own_postgres.uri, autocommit=True) as watcher,
        closing(Database(own_postgres.url, silent_seconds=1.0)) as database,
    ):
        other.execute("SELECT pg_advisory_xact_lock(%s)", (schema._LOCK_KEY,))
        opening = threading.Thread(target=database.prepare)
        opening.start()
        while watcher.execute(waits).fetchone() == (0,):
            opening.join(0.05)
        opening.join(2)  # twice what a statement may take
        assert opening.is_alive()
        other.rollback()
        opening.join(60)
        assert ask(database) == 1


def test_a_server_that_is_killed_and_started_again_is_used_again(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    database: Database,
) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    own_postgres.kill()
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            store.get(OWNER, conversation.id)
    own_postgres.start_again()
    assert again(lambda: store.get(OWNER, conversation.id)) == conversation


def again(ask: object) -> object:
    """What is found once the outage is over."""
    waiting = threading.Event()
    while True:
        try:
            return ask()  # type: ignore[operator]  # looser than the types on purpose
        except DatabaseUnavailable:
            waiting.wait(0.1)
