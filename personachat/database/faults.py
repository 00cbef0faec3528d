"""What went wrong in a database, as an error for the person.

The drivers' own words hold statements, people's texts and at times a password: they go no further than here.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from personachat.errors import DatabaseDamaged, DatabaseUnavailable, PersonaChatError

FAULTS = (SQLAlchemyError, sqlite3.Error)
"""Whatever using a database may raise."""

OPENING_FAULTS = (*FAULTS, OSError, ValueError)
"""Whatever opening one may raise besides; a ValueError comes of a URL that is none."""

BUSY_SECONDS = 10
"""How long a write waits for others to be done with theirs."""

AGAIN = "Try again in a moment."
"""What everybody can do. What the operator can is told to nobody else."""

_NO_ANSWER = "NoAnswer"
"""By its name, as all of PostgreSQL's: its driver is loaded only where it is used."""

_PRIMARY = 0xFF
_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Make room, then try again."),
    sqlite3.SQLITE_BUSY: ("another program has it locked", "Try again."),
    sqlite3.SQLITE_LOCKED: ("another program has it locked", "Try again."),
    sqlite3.SQLITE_READONLY: ("this program may not write it", "Give it the permission to."),
    sqlite3.SQLITE_PERM: ("this program may not use it", "Give it the permission to."),
    sqlite3.SQLITE_AUTH: ("this program may not use it", "Give it the permission to."),
    sqlite3.SQLITE_CANTOPEN: (
        "this program cannot open it",
        "Give it the permission to, or choose another folder with PERSONACHAT_DATA_DIR.",
    ),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk, then try again."),
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRESQL = {
    "08": ("the connection was lost", "Try again."),
    "25": ("it may only be read at the moment", "Try again later."),
    "28": ("it refuses the user or the password", "Check DATABASE_URL."),
    "3D": ("the server does not know it", "Check DATABASE_URL."),
    "40": ("others were changing the same", "Try again."),
    "42501": ("its user may not do that", "Give the user of DATABASE_URL the rights to."),
    "53100": ("its disk is full", "Make room there, then try again."),
    "53300": ("it has too many connections", "Try again."),
    "55": ("others have it locked", "Try again."),
    "57014": ("it took too long", "Try again. PERSONACHAT_DATABASE_TIMEOUT_SECONDS is the limit."),
    "57": ("its server is going down or starting", "Try again."),
}


def failure(error: Exception, *, path: Path | None) -> PersonaChatError:
    """What to tell of an error; `path` is SQLite's file, None with PostgreSQL."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolTimeout):
        return _unavailable(path, "too many are using it at once", "Try again.")
    if isinstance(error, (ArgumentError, ValueError)):
        return DatabaseUnavailable(
            "The database cannot be used: its address is not one.",
            hint="Whoever runs this server can set it right.",
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
            "The database is damaged; it is left as it is.",
            hint="Whoever runs this server can restore a backup.",
            advice="Restore a backup of the database that DATABASE_URL names.",
        )
    return DatabaseDamaged(
        "The database file is damaged; it is left as it is.",
        hint="Whoever runs this server can put a backup in its place.",
        advice=f'Move "{path}" away to begin a new one, or put a backup in its place.',
    )


def busy(path: Path | None) -> DatabaseUnavailable:
    return _unavailable(path, f"others have been writing for {BUSY_SECONDS} seconds", "Try again.")


def harms_all(error: Exception) -> bool:
    """Whether an error tells of damage to the file itself, not only to a full-text index in it."""
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
        return _unavailable(None, "it does not answer", "Check whether its server is running, or frozen.")
    if not state and type(cause).__name__ in {"OperationalError", "ConnectionTimeout"}:
        return _unavailable(None, "it cannot be reached", "Check DATABASE_URL, and whether it is running.")
    known = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    reason, hint = known or (f"it reports {state or type(cause).__name__}", "Try again.")
    return _unavailable(None, reason, hint)


def _unavailable(path: Path | None, reason: str, advice: str) -> DatabaseUnavailable:
    name = "PostgreSQL database" if path is None else "database file"
    where = "" if path is None else f' The file is "{path}".'
    return DatabaseUnavailable(
        f"The {name} cannot be used now: {reason}.", hint=AGAIN, advice=f"{advice}{where}"
    )
