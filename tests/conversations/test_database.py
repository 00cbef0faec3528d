"""How the database is opened, and what is told when it cannot be used."""

from __future__ import annotations

import logging
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.dialects import sqlite

from personachat.conversations.sql import SqlConversations
from personachat.database import faults
from personachat.database.columns import UtcDateTime
from personachat.database.connection import FILE_NAME, Database
from personachat.database.postgresql import many_numbers
from personachat.errors import DatabaseUnavailable, PersonaChatError
from personachat.settings import load_settings
from tests.spoken import OWNER, said, spoken

SECRET = "pa55word-nobody-may-see"


# --- opening ----------------------------------------------------------------------------------------


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    database = Database.of(load_settings(data_dir=tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []
    database.prepare()
    database.close()
    assert (tmp_path / "data" / FILE_NAME).is_file()


def test_what_it_makes_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(Database.of(load_settings(data_dir=tmp_path / "data"))) as database:
        store = SqlConversations(database)
        store.create(OWNER)
        for path in (tmp_path / "data", *(tmp_path / "data").glob(f"{FILE_NAME}*")):
            if path.suffix != ".lock":
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_database_url_is_used_instead_of_the_folder(postgres_url: str, tmp_path: Path) -> None:
    settings = load_settings(database_url=postgres_url, data_dir=tmp_path / "data")
    with closing(Database.of(settings)) as database:
        assert not database.is_sqlite
        assert database.path is None
        store = SqlConversations(database)
        spoken(store, store.create(OWNER).id, "one")
    assert list(tmp_path.iterdir()) == []


def test_many_numbers_are_not_written_out_as_text_by_postgresql(postgres_url: str) -> None:
    """A year's sums are many numbers; to write them out and read them again takes longer than to add them."""
    query = """SELECT 7::bigint, 0.1::float8, true, 'ä'::varchar, '\\x00ff'::bytea, NULL::integer,
        '{"a": [1]}'::json, '{"b": null}'::jsonb, '2026-03-29 01:30:00+00'::timestamptz, 2.50::numeric"""
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with closing(Database(postgres_url)) as database, database.read() as connection:
        with many_numbers(connection):
            result = connection.exec_driver_sql(query)
        cursor: Any = result.cursor
        assert {cursor.pgresult.fformat(column) for column in range(10)} == {1}
        values = (7, 0.1, True, "ä", b"\x00\xff", None, {"a": [1]}, {"b": None}, moment, Decimal("2.50"))
        assert tuple(result.one()) == values
        assert tuple(connection.exec_driver_sql(query).one()) == values  # as everybody else reads


def test_sqlite_is_set_up_to_lose_nothing(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_it_can_be_used_again_after_it_was_closed(database: Database) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    database.close()
    assert store.get(OWNER, conversation.id) == conversation


def test_readers_do_not_wait_for_a_writer_and_see_one_moment(database: Database) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    with database.read() as connection:
        count = text("SELECT count(*) FROM turns")
        assert connection.execute(count).scalar() == 0
        with ThreadPoolExecutor(1) as pool:
            pool.submit(spoken, store, conversation.id, "one").result(timeout=10)
        assert connection.execute(count).scalar() == 0
    assert store.get(OWNER, conversation.id).length == 1


def test_what_fails_in_the_middle_leaves_no_half(database: Database) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)

    def delete_and_fail() -> None:
        with database.write() as connection:
            connection.execute(text("DELETE FROM conversations"))
            raise KeyError

    with pytest.raises(KeyError):
        delete_and_fail()
    assert store.get(OWNER, conversation.id) == conversation
    twice = said("same")
    with pytest.raises(DatabaseUnavailable):
        store.append(OWNER, conversation.id, [twice, twice], only_after=None)
    found = store.get(OWNER, conversation.id)
    assert (found.leaf_id, found.title) == (None, "")


# --- what is told -----------------------------------------------------------------------------------


def test_no_error_tells_what_people_wrote(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    secret = said(SECRET)
    with pytest.raises(PersonaChatError) as raised:
        store.append(OWNER, conversation.id, [secret, secret], only_after=None)
    told = f"{raised.value} {raised.value.hint} {caplog.text}"
    assert SECRET not in told
    assert "INSERT" not in told
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ada:{SECRET}@127.0.0.1:1/chats",
        f"postgresql+psycopg://ada:{SECRET}@127.0.0.1:port/chats",
        f"postgresql+psycopg://ada:{SECRET}@/chats?host=/nowhere",
        f"postgresql+psycopg://ada:{SECRET}@/chats?sslmode=wrong",
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
    ],
)
def test_an_unusable_url_is_told_in_a_sentence_without_the_password(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(Database(url)) as database:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable) as raised:
                SqlConversations(database).create(OWNER)
            assert SECRET not in f"{raised.value!r} {raised.value.hint} {caplog.text} {database!r}"
            assert str(raised.value).endswith(".")
            assert raised.value.hint


def test_a_postgresql_that_went_away_is_told_and_used_again_when_it_is_back(
    postgres_database: Database,
) -> None:
    store = SqlConversations(postgres_database)
    conversation = store.create(OWNER)
    other = Database(make_url(postgres_database._url.render_as_string(hide_password=False)))  # type: ignore[union-attr]  # looser than the types on purpose

    def lose_the_connection() -> None:
        with postgres_database.write() as connection:
            _end_the_others(other)
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable, match="server is stopping"):
        lose_the_connection()
    _end_the_others(other)  # and those in the pool
    assert store.get(OWNER, conversation.id) == conversation
    other.close()


def _end_the_others(database: Database) -> None:
    with database.read() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_later_use_tries_again(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with closing(Database(f"sqlite:///{tmp_path}/data/x.sqlite3")) as database:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="can't be used right now"):
                database.prepare()
        (tmp_path / "data").unlink()
        database.prepare()


def test_threads_that_waited_for_a_failed_opening_do_not_try_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/x.sqlite3")
    waiters, attempts = threading.Semaphore(0), []

    def open_slowly() -> None:
        attempts.append(1)
        for _ in range(3):
            assert waiters.acquire(timeout=10)
        raise OSError(5, "no")

    class Noticing:
        """The lock, which notes who waits for it."""

        lock = threading.Lock()

        def __enter__(self) -> None:
            if not self.lock.acquire(blocking=False):
                waiters.release()
                self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    monkeypatch.setattr(database, "_open", open_slowly)
    monkeypatch.setattr(database, "_opening", Noticing())

    def use() -> str:
        with pytest.raises(DatabaseUnavailable) as raised:
            database.prepare()
        return str(raised.value)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: use(), range(4)))
    assert len(set(told)) == 1
    assert len(attempts) == 1


def test_a_file_that_another_program_locks_is_told_of(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.database.connection.BUSY_SECONDS", 0.1)
    store = SqlConversations(sqlite_database)
    conversation = store.create(OWNER)
    assert sqlite_database.path
    with closing(sqlite3.connect(sqlite_database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            spoken(store, conversation.id, "one")
        other.execute("ROLLBACK")
    spoken(store, conversation.id, "one")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (sqlite3.SQLITE_READONLY, "no permission to write"),
        (sqlite3.SQLITE_CANTOPEN, "can't open"),
        (sqlite3.SQLITE_IOERR, "disk reports an error"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_MISUSE, "it reports"),
    ],
)
def test_every_code_of_sqlite_becomes_a_sentence(code: int, told: str, tmp_path: Path) -> None:
    error = sqlite3.OperationalError(SECRET)
    error.sqlite_errorcode = code
    found = faults.failure(error, path=tmp_path / "x.sqlite3")
    assert told in str(found)
    assert SECRET not in str(found)


def test_moments_that_were_read_before_are_what_they_were() -> None:
    stored = ("2026-11-29 14:50:58.123456", "2026-11-29 14:50:58.000000", None)
    dialect = sqlite.dialect()
    read = UtcDateTime().dialect_impl(dialect).result_processor(dialect, None)
    assert read
    first, again = ([read(each) for each in stored] for _ in range(2))
    moment = datetime(2026, 11, 29, 14, 50, 58, tzinfo=UTC)
    assert first == again == [moment.replace(microsecond=123456), moment, None]
    assert first[0] is again[0]
