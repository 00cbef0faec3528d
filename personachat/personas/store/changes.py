"""Whether any persona has changed, at hardly any cost: for pages that are open and show what others do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import select

from personachat.database.connection import Database
from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.personas.store.tables import persona_changes
from personachat.settings import Settings

ChangeMark: TypeAlias = Callable[[], int | None]
"""Gives another number once a persona was created, saved, renamed or deleted; None if that can't be told."""


def change_mark(settings: Settings, database: Database) -> ChangeMark:
    """That of the store which the settings name. A file that was edited in its place changes nothing."""
    if settings.persona_store == "database":
        return lambda: _last_change(database)
    return lambda: _folder_changed_at(settings.personas_dir)


def _folder_changed_at(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns  # every save puts a new file in its place
    except OSError:
        return None


def _last_change(database: Database) -> int | None:
    try:
        with database.read() as connection:
            return connection.execute(select(persona_changes.c.number)).scalar()
    except (DatabaseUnavailable, DatabaseDamaged):
        return None
