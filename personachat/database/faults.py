"""Failures of a database as errors for the person.

The drivers' own messages contain statements, people's texts and sometimes a password: they aren't passed on.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from personachat.errors import DatabaseDamaged, DatabaseUnavailable, PersonaChatError

FAULTS = (SQLAlchemyError, sqlite3.Error)
"""Exceptions that using a database may raise."""

OPENING_FAULTS = (*FAULTS, OSError, ValueError)
"""Further exceptions of opening one; an invalid URL gives a ValueError."""

BUSY_SECONDS = 10
"""Seconds that a write waits for others to finish theirs."""

AGAIN = "Try again in a moment."
"""What anyone can do. What only the operator can do is told to nobody else."""

_NO_ANSWER = "NoAnswer"
"""By name, like all of PostgreSQL's: its driver is only loaded if it is used."""

_PRIMARY = 0xFF
_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, then try again."),
    sqlite3.SQLITE_BUSY: ("another program has locked it", "Try again."),
    sqlite3.SQLITE_LOCKED: ("another program has locked it", "Try again."),
    sqlite3.SQLITE_READONLY: ("this program has no permission to write it", "Give it write permission."),
    sqlite3.SQLITE_PERM: ("this program has no permission to use it", "Give it permission."),
    sqlite3.SQLITE_AUTH: ("this program has no permission to use it", "Give it permission."),
    sqlite3.SQLITE_CANTOPEN: (
        "this program can't open it",
        "Give it permission, or choose another folder with PERSONACHAT_DATA_DIR.",
    ),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk, then try again."),
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRESQL = {
    "08": ("the connection was lost", "Try again."),
    "25": ("it is read-only at the moment", "Try again later."),
    "28": ("it rejects the user or the password", "Check DATABASE_URL."),
    "3D": ("the server doesn't have it", "Check DATABASE_URL."),
    "40": ("someone else changed the same data", "Try again."),
    "42501": ("its user has no permission for this", "Give the user of DATABASE_URL the permission."),
    "53100": ("its disk is full", "Free some space there, then try again."),
    "53300": ("it has too many connections", "Try again."),
    "55": ("others have locked it", "Try again."),
    "57014": ("it took too long", "Try again. The limit is PERSONACHAT_DATABASE_TIMEOUT_SECONDS."),
    "57": ("its server is stopping or starting", "Try again."),
}


def failure(error: Exception, *, path: Path | None) -> PersonaChatError:
    """The error to raise; `path` is SQLite's file, None with PostgreSQL."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolTimeout):
        return _unavailable(path, "too many are using it at once", "Try again.")
    if isinstance(error, (ArgumentError, ValueError)):
        return DatabaseUnavailable(
            "The database can't be used: its address is not valid.",
            hint="Ask the person who runs this server to fix it.",
            advice="Check how DATABASE_URL is written.",
        )
    if path is None:
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        return _postgresql(getattr(cause, "sqlstate", None) or ("08" if lost else ""), cause)
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, path)
    if isinstance(cause, OSError):
        reason = os.strerror(cause.errno).lower() if cause.errno else type(cause).__name__
        return _unavailable(path, reason, "Check the folder, or choose another with PERSONACHAT_DATA_DIR.")
    return _unavailable(path, f"it reports {type(cause).__name__}", "Try again.")


def damaged(path: Path | None) -> DatabaseDamaged:
    if path is None:
        return DatabaseDamaged(
            "The database is damaged. It was not changed.",
            hint="Ask the person who runs this server to restore a backup.",
            advice="Restore a backup of the database that DATABASE_URL names.",
        )
    return DatabaseDamaged(
        "The database file is damaged. It was not changed.",
        hint="Ask the person who runs this server to restore a backup.",
        advice=f'Restore a backup, or move "{path}" away to start a new database.',
    )


def busy(path: Path | None) -> DatabaseUnavailable:
    return _unavailable(path, f"others have been writing for {BUSY_SECONDS} seconds", "Try again.")


def harms_all(error: Exception) -> bool:
    """Whether an error means that the file itself is damaged, not only a full-text index in it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0)
    return code & _PRIMARY in _DAMAGED and code != sqlite3.SQLITE_CORRUPT_VTAB


def unanswered(error: Exception) -> bool:
    """Whether PostgreSQL has not answered at all."""
    return type(error.orig if isinstance(error, DBAPIError) else error).__name__ == _NO_ANSWER


def _sqlite(cause: sqlite3.Error, path: Path) -> PersonaChatError:
    code = getattr(cause, "sqlite_errorcode", 0)
    if code & _PRIMARY in _DAMAGED:
        return damaged(path)
    name = getattr(cause, "sqlite_errorname", type(cause).__name__)
    reason, hint = _SQLITE.get(code & _PRIMARY, (f"it reports {name}", "Try again."))
    return _unavailable(path, reason, hint)


def _postgresql(state: str, cause: BaseException | None) -> PersonaChatError:
    if state in {"XX001", "XX002"}:
        return damaged(None)
    if type(cause).__name__ == _NO_ANSWER:
        return _unavailable(None, "it doesn't answer", ("Check that its server is running and responding."))
    if not state and type(cause).__name__ in {"OperationalError", "ConnectionTimeout"}:
        return _unavailable(
            None, "it can't be reached", ("Check DATABASE_URL and that its server is running.")
        )
    fault = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    reason, hint = fault or (f"it reports {state or type(cause).__name__}", "Try again.")
    return _unavailable(None, reason, hint)


def _unavailable(path: Path | None, reason: str, advice: str) -> DatabaseUnavailable:
    name = "PostgreSQL database" if path is None else "database file"
    where = "" if path is None else f' The file is "{path}".'
    return DatabaseUnavailable(
        f"The {name} can't be used right now: {reason}.", hint=AGAIN, advice=f"{advice}{where}"
    )
