"""`personachat backup` and `personachat restore`: their output; `personachat.backups` does the work."""

from __future__ import annotations

from pathlib import Path

from personachat.backups.making import make_backup
from personachat.backups.restoring import restore_backup
from personachat.cli.console import note
from personachat.cli.persona_checks import count
from personachat.settings import Settings


def make(settings: Settings, file: Path) -> None:
    """Raises BackupFailed and errors of the database."""
    backup = make_backup(settings, file)
    for name in backup.unreadable:
        note(f"{name} can't be read and is not in the backup.")
    size = f"{backup.bytes / 1_000_000:.1f} MB"
    note(f"{file}: {count(backup.rows, 'row')}, {count(backup.files, 'persona file')}, {size}")


def restore(settings: Settings, file: Path, *, force: bool) -> None:
    """Raises BackupFailed and errors of the database."""
    done = restore_backup(settings, file, replace=force)
    made_at = done.manifest.made_at.strftime("%Y-%m-%d %H:%M UTC")
    files = count(done.files, "persona file")
    note(f"Restored {count(done.rows, 'row')} and {files} from the backup of {made_at}.")
