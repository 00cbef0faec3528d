"""The last backup according to the audit: when it was made, the file's name and size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from personachat.accounts.audit import Audit
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER

_TARGET = "server"


@dataclass(frozen=True, slots=True)
class LastBackup:
    at: datetime
    file: str
    bytes: int


def note_backup(database: Database, *, name: str, size: int) -> None:
    """Record a backup. Never raises."""
    details = {"file": name, "bytes": size}
    Audit(database).record(LOCAL_OWNER, "created", kind="backup", target=_TARGET, after=details)


def last_backup(audit: Audit) -> LastBackup | None:
    """The newest backup in the audit; None if there is none. Raises what `Database` raises."""
    event = audit.newest("backup", _TARGET)
    details = event.after if event else None
    if event is None or details is None:
        return None
    return LastBackup(event.at, str(details.get("file", "")), int(details.get("bytes", 0)))
