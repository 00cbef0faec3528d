"""The database: one engine, opened and brought up to date when it is first needed.

SQLite is the default, PostgreSQL is used if DATABASE_URL names one; only packages with tables know the
difference. Everything runs in a transaction of `read` or `write`, and only fails with a PersonaChatError.
Readers never wait for writers. A file that is damaged or of a newer version is never written.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock
from filelock import Timeout as LockTimeout
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select

from personachat.database import schema
from personachat.database.faults import (
    BUSY_SECONDS,
    FAULTS,
    OPENING_FAULTS,
    busy,
    damaged,
    failure,
    harms_all,
    unanswered,
)
from personachat.database.outage import Outage
from personachat.database.patience import patient_for, reached_within
from personachat.database.presence import Presence
from personachat.errors import DatabaseUnavailable, PersonaChatError

log = logging.getLogger(__name__)

FILE_NAME = "personachat.sqlite3"

SILENT_SECONDS = 8.0
"""Seconds that PostgreSQL may be silent, unless the settings say otherwise."""

REACH_SECONDS = 5.0
"""Seconds, at most, to find out that PostgreSQL can't be reached."""

_MIGRATION_SECONDS = 600.0
"""Seconds that one step of a migration may take, or wait for another process's."""

_LOG_SECONDS = 60.0
"""Seconds in which the same problem is logged only once."""

_CONNECTIONS, _MORE_CONNECTIONS = 8, 24


class DatabaseSettings(Protocol):
    """The settings that name a database."""

    @property
    def database_url(self) -> SecretStr | None: ...

    @property
    def database_timeout_seconds(self) -> float: ...

    @property
    def data_dir(self) -> Path: ...


class Database:
    """Cheap to create and safe for threads; not for processes forked after its first use."""

    def __init__(self, url: str | URL, *, silent_seconds: float = SILENT_SECONDS) -> None:
        self._url: URL | None = None  # and stays None if it can't be opened
        self._silent_seconds = silent_seconds
        with suppress(*OPENING_FAULTS):
            self._url = make_url(url)
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._outage = Outage()
        self._engine: Engine | None = None
        self._harmed: int | None = None  # the inode of a file that proved damaged
        self._logged = ("", 0.0)
        self.presence = Presence(self.path.parent / "processes" if self.path else None)

    @classmethod
    def of(cls, settings: DatabaseSettings) -> Database:
        """The database that the settings name."""
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
            return cls(url, silent_seconds=settings.database_timeout_seconds)
        return cls(URL.create("sqlite", database=str(settings.data_dir / FILE_NAME)))

    @property
    def is_sqlite(self) -> bool:
        return self._url is not None and self._url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """SQLite's file; None with PostgreSQL."""
        named = self._url.database if self._url and self.is_sqlite else None
        return Path(named).absolute() if named and named != ":memory:" else None

    def prepare(self) -> None:
        """Open it and bring it up to date, if that hasn't been done.

        Raises DatabaseUnavailable and DatabaseDamaged.
        """
        self._opened()

    def close(self) -> None:
        """Close every connection; a later use opens it again."""
        with self._opening:
            engine, self._engine = self._engine, None
            self.presence.close()
            if engine is not None:
                engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state. Raises DatabaseUnavailable and DatabaseDamaged."""
        engine = self._opened()
        if not self.is_sqlite:
            engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with ExitStack() as stack:
            stack.enter_context(self._translated())
            yield self._connected(engine, stack)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that an exception rolls back and the end commits.

        Raises DatabaseUnavailable and DatabaseDamaged.
        """
        engine = self._opened()
        with ExitStack() as stack:
            if self.is_sqlite:
                if self._harmed is not None:
                    raise damaged(self.path)
                # Threads queue here, in order; SQLite would let them sleep and retry.
                if not self._writing.acquire(timeout=BUSY_SECONDS):
                    raise busy(self.path)
                stack.callback(self._writing.release)
                engine = engine.execution_options(begin="IMMEDIATE")
            stack.enter_context(self._translated())
            connection = self._connected(engine, stack)
            stack.enter_context(connection.begin())
            yield connection

    @property
    def is_out(self) -> bool:
        """Whether the last attempt to reach it failed; sends no query."""
        return self._outage.is_on

    @property
    def back_seconds(self) -> float:
        """Seconds since the last outage ended; infinite if there was none."""
        return self._outage.over_for

    def check(self) -> None:
        """Raise if the database cannot be reached. Raises DatabaseUnavailable and DatabaseDamaged."""
        with self.read() as connection:
            connection.execute(select(1))

    def empty_log(self) -> None:
        """Remove deleted text from the log beside SQLite's file, as far as readers allow it."""
        if not self.is_sqlite:
            return
        with ExitStack() as stack, self._translated():
            connection = self._connected(self._opened(), stack)
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def moment(self, connection: Connection) -> datetime:
        """The time by the clock that every process on this database shares."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment

    def _connected(self, engine: Engine, stack: ExitStack) -> Connection:
        with self._outage.reaching(since=self._outage.now()), self._reached():
            return stack.enter_context(engine.connect())

    def _reached(self) -> AbstractContextManager[None]:
        return reached_within(min(REACH_SECONDS, self._silent_seconds))

    def _opened(self) -> Engine:
        if self._harmed is not None and self._harmed != self._inode():  # a backup replaced it
            self._harmed = None
            self.close()
        engine, since = self._engine, self._outage.now()
        if engine is not None:
            return engine
        with self._opening:
            if self._engine is not None:
                return self._engine
            with self._translated(OPENING_FAULTS), self._outage.reaching(since=since):
                self._engine = self._open()
            return self._engine

    def _open(self) -> Engine:
        path = self.path
        if self._url is None or (self.is_sqlite and path is None):
            raise DatabaseUnavailable(
                "The database can't be used: its address is not valid for storing conversations.",
                hint="Ask the person who runs this server to fix it.",
                advice="Write DATABASE_URL as postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE.",
            )
        if path is not None:
            _make_private(path)
        engine = _sqlite_engine(path) if path else self._postgresql_engine(self._url)
        try:
            if path is not None:
                self._bring_up(engine, path)
            else:
                with self._reached():
                    outdated = schema.outdated(engine, path=None)
                if outdated:
                    with patient_for(_MIGRATION_SECONDS):
                        schema.migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _postgresql_engine(self, url: URL) -> Engine:
        from personachat.database.postgresql import engine_for  # noqa: PLC0415  # its driver is rarely needed

        return engine_for(
            url,
            silent_seconds=self._silent_seconds,
            pool_seconds=BUSY_SECONDS,
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
        )

    def _bring_up(self, engine: Engine, path: Path) -> None:
        """Switch the file to WAL and migrate it, unless both are done; one process at a time."""
        if _journal(engine) == "wal" and not schema.outdated(engine, path=path):
            return
        try:
            with FileLock(f"{path}.lock", timeout=60, poll_interval=0.02, thread_local=False):
                _journal(engine, "wal")
                if schema.outdated(engine, path=path):
                    schema.migrate(engine)
        except LockTimeout:
            raise busy(path) from None

    def _inode(self) -> int | None:
        try:
            return os.stat(self.path).st_ino if self.path else None  # noqa: PTH116  # a string, which it is cheaper to look at often
        except OSError:
            return None

    @contextmanager
    def _translated(self, faults: tuple[type[Exception], ...] = FAULTS) -> Iterator[None]:
        try:
            yield
        except faults as error:
            if self.is_sqlite and harms_all(error):
                self._harmed = self._inode()
            if unanswered(error):
                self._outage.note(error, took=self._silent_seconds)
            fault = failure(error, path=self.path)
            self._log(fault)
            raise fault from None

    def _log(self, fault: PersonaChatError) -> None:
        """Tell the operator what they can do; nobody else needs to know."""
        last_words, since = self._logged
        if fault.advice and (last_words != str(fault) or time.monotonic() - since > _LOG_SECONDS):
            self._logged = str(fault), time.monotonic()
            log.warning("%s %s", fault, fault.advice, extra={"figures": {"code": fault.code}})


def _make_private(path: Path) -> None:
    """Create the folder and the empty file, if there are none, readable only by this user."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # The driver would decide when to begin transactions, and always as a reader.
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
        json_deserializer=_json_or_none,
    )

    def connected(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _json_or_none(text: str | bytes) -> Any:
    """SQLite accepts any text as JSON; invalid text is read as null."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _journal(engine: Engine, mode: str = "") -> str:
    """SQLite's journal mode, or its new one; it can't be set inside a transaction."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        pragma = f"PRAGMA journal_mode={mode}" if mode else "PRAGMA journal_mode"
        return str(driver.execute(pragma).fetchone()[0])
