"""The processes that use a database, and how the others see that one of them is dead.

With SQLite, the system's own locks tell which are alive. Where they can't, and with PostgreSQL, a process is
dead when its last report of life is DEAD_AFTER_SECONDS old.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, String, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from personachat.database.columns import UtcDateTime, metadata
from personachat.database.connection import Database

DEAD_AFTER_SECONDS = 10

BEAT_SECONDS = 2
"""Seconds between written reports: a process that only waits doesn't keep the disk busy."""

processes = Table(
    "processes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("beat_at", UtcDateTime, nullable=False),
)

_LAST_BEAT = select(processes.c.beat_at).where(processes.c.id == bindparam("this"))


def announce(database: Database, connection: Connection, process_id: str) -> None:
    """Report in a transaction that a process is alive, before it claims any reply.

    A recent report isn't written again: the process's transactions would wait for one another.
    """
    database.presence.show(process_id)
    moment = database.moment(connection)
    last = connection.execute(_LAST_BEAT, {"this": process_id}).scalar()
    if last is None:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        new = dialect.insert(processes).on_conflict_do_nothing()
        connection.execute(new, [{"id": process_id, "beat_at": moment}])
    elif moment - last >= timedelta(seconds=BEAT_SECONDS):
        connection.execute(update(processes).where(processes.c.id == process_id).values(beat_at=moment))


def beats(connection: Connection) -> dict[str, datetime]:
    """When each process last reported that it is alive."""
    return {row.id: row.beat_at for row in connection.execute(select(processes))}


def dead(database: Database, connection: Connection, process_ids: Collection[str]) -> set[str]:
    """Those of the processes that are dead, whether or not they reported their end."""
    beating = beats(connection)
    since = database.moment(connection) - timedelta(seconds=DEAD_AFTER_SECONDS)

    def is_dead(process_id: str) -> bool:
        living = database.presence.living(process_id)
        if living is None:
            return process_id not in beating or beating[process_id] < since
        return not living

    return {process_id for process_id in process_ids if is_dead(process_id)}


def nobody_can_tell(database: Database) -> bool:
    """Whether the database was unreachable so recently that living processes couldn't report."""
    return not database.is_sqlite and database.back_seconds < DEAD_AFTER_SECONDS
