"""Connections to PostgreSQL on which nobody waits for ever.

To the driver, a frozen server, or one behind a network that drops everything, looks like a slow one: its
machine still accepts connections and data. So the limit is enforced on this side. A statement that exceeds it
is cancelled if the server still listens; otherwise its connection is closed.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import sqlalchemy
from psycopg import Connection, Cursor, OperationalError, capabilities
from psycopg.abc import PQGen
from psycopg.errors import QueryCanceled
from psycopg.pq import Format
from sqlalchemy import URL, Engine, create_engine, event

from personachat.database.patience import is_reaching, limit

SLICE_SECONDS = 0.1
"""Seconds between two looks at the clock during a silent wait."""

CANCEL_SECONDS = 1.0
"""Seconds that a server has to accept a cancellation, and again to confirm it."""

_LEAST_CONNECT_SECONDS = 2
"""Seconds; the driver accepts no fewer."""

_PATIENCE = {"connect_timeout": "5", "tcp_user_timeout": "10000"}
"""In seconds, and in milliseconds for a server that has vanished from the network."""

_POOL_SHARE = 0.75
"""The share of the allowed silence that waiting for a free connection may take."""


class NoAnswer(OperationalError):
    """The server was silent for too long, even when asked to cancel."""


class PatientConnection(Connection[Any]):
    """A connection on which no wait stays silent for longer than `silent_seconds`."""

    silent_seconds: ClassVar[float]

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Any:
        if is_reaching():
            seconds = float(kwargs.get("connect_timeout") or cls.silent_seconds)
            kwargs["connect_timeout"] = max(_LEAST_CONNECT_SECONDS, int(limit(seconds)))
        return super().connect(*args, **kwargs)

    def wait(self, gen: PQGen[Any], interval: float = SLICE_SECONDS, timeout: float | None = None) -> Any:
        try:
            return super().wait(_listened_to(gen, limit(self.silent_seconds)), interval, timeout)
        except _Silent:
            if not is_reaching() and capabilities.has_cancel_safe():
                try:
                    return self._cancelled(gen)
                except QueryCanceled:
                    raise
                except (_Silent, OperationalError):
                    pass
            self.close()
            raise NoAnswer("the server doesn't answer") from None

    def _cancelled(self, gen: PQGen[Any]) -> Any:
        """Cancel the running statement.

        Raises QueryCanceled if that worked; returns what arrived just before.
        """
        self.cancel_safe(timeout=CANCEL_SECONDS)
        return super().wait(_listened_to(gen, CANCEL_SECONDS), SLICE_SECONDS)


def engine_for(url: URL, *, silent_seconds: float, pool_seconds: float, **pool: Any) -> Engine:
    """An engine whose waits end; `pool_seconds` is how long one for a free connection may take as well."""
    engine = create_engine(
        url.update_query_dict({**_PATIENCE, **url.query}),
        # Hosted poolers give a transaction any connection, which may not know a prepared statement.
        connect_args={"prepare_threshold": None},
        pool_pre_ping=True,
        pool_timeout=min(pool_seconds, silent_seconds * _POOL_SHARE),
        hide_parameters=True,
        **pool,
    )

    class Patient(PatientConnection):
        pass

    Patient.silent_seconds = silent_seconds

    def connect(_dialect: object, _record: object, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return Patient.connect(*args, **kwargs)

    event.listen(engine, "do_connect", connect)
    return engine


class _BinaryCursor(Cursor[Any]):
    """What it reads comes as the server has it: as text, numbers would be written out and read again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format = Format.BINARY


_WORKERS_COST = 20_000
"""What the server is told that it costs to start processes, in its own units. It takes 1,000 for it."""


@contextmanager
def many_numbers(connection: sqlalchemy.Connection) -> Iterator[None]:
    """Within, a transaction adds up and reads many numbers.

    They come in their binary form. The server adds up with more than one process only where there is a lot to
    add up: to start others takes longer than most sums do, and somebody else may need the processors.
    """
    driver: Any = connection.connection.driver_connection
    before, driver.cursor_factory = driver.cursor_factory, _BinaryCursor
    try:
        connection.exec_driver_sql(f"SET LOCAL parallel_setup_cost = {_WORKERS_COST}")
        yield
    finally:
        driver.cursor_factory = before


class _Silent(Exception):
    """Nothing has arrived for as long as the limit allows."""


def _listened_to(gen: PQGen[Any], seconds: float) -> Generator[Any, Any, Any]:
    """The driver's wait; raises _Silent after so long without news, and `gen` can continue."""
    try:
        readiness = next(gen)
        since = time.monotonic()
        while True:
            ready = yield readiness
            if ready:
                since = time.monotonic()
            elif time.monotonic() - since >= seconds:
                raise _Silent
            readiness = gen.send(ready)
    except StopIteration as end:
        return end.value
