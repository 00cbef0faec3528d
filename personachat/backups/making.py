"""Making a backup: all tables as of one moment, then the personas' files, into a file that appears whole."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Table, select

from personachat import __version__
from personachat.accounts.last_backup import note_backup
from personachat.backups.archive import (
    FILES,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    all_tables,
    encoded,
    member_of,
    rows_at_once,
)
from personachat.backups.folder_files import names_in
from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import BackupFailed
from personachat.personas.store.folder import UnreadableFile, read_file
from personachat.personas.store.revisions import place_of
from personachat.settings import Settings

MOST_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What is in the backup. `unreadable` files are not."""

    rows: int
    files: int
    bytes: int
    unreadable: tuple[str, ...]


def make_backup(settings: Settings, file: Path) -> BackupSummary:
    """Write a backup to `file`, in place of what is there.

    Raises BackupFailed, and errors as Database.read.
    """
    database = Database.of(settings)
    unreadable: list[str] = []
    try:
        with _appearing_whole(file) as output, zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
            with database.read() as connection:
                rows = {table.name: _write_table(connection, table, archive) for table in all_tables()}
            names = _write_files(settings, archive, unreadable)
            archive.writestr(MANIFEST, _manifest(settings, rows, names))
        size = file.stat().st_size
        note_backup(database, name=file.name, size=size)
    except OSError as error:
        raise BackupFailed(f"{file} can't be written: {(error.strerror or 'it failed').lower()}.") from None
    finally:
        database.close()
    return BackupSummary(sum(rows.values()), len(names), size, tuple(unreadable))


@contextmanager
def _appearing_whole(file: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when all of it is on the disk; one that was left by a kill is replaced."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        partial.replace(file)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _write_table(connection: Connection, table: Table, archive: zipfile.ZipFile) -> int:
    """In the order of the primary key, in which rows of one table may refer to earlier ones."""
    query = select(table).order_by(*table.primary_key.columns)
    number = 0
    with archive.open(member_of(table), "w", force_zip64=True) as member:
        for row in connection.execution_options(yield_per=rows_at_once(table)).execute(query).mappings():
            member.write(encoded({column.name: row[column] for column in table.columns}))
            number += 1
    return number


def _write_files(settings: Settings, archive: zipfile.ZipFile, unreadable: list[str]) -> tuple[str, ...]:
    """The personas with all that lies beside them, where they are kept in files."""
    if settings.persona_store != "files":
        return ()
    written = []
    for name in names_in(settings.personas_dir):
        try:
            content = read_file(settings.personas_dir / name, most_bytes=MOST_FILE_BYTES)
        except FileNotFoundError:
            continue  # deleted a moment ago
        except UnreadableFile:
            unreadable.append(name)
            continue
        archive.writestr(FILES + name, content)
        written.append(name)
    return tuple(written)


def _manifest(settings: Settings, rows: dict[str, int], files: tuple[str, ...]) -> str:
    manifest = Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        made_by=__version__,
        made_at=datetime.now(UTC),
        tables_version=schema.revisions()[-1],
        persona_store=settings.persona_store,
        place=place_of(settings),
        rows=rows,
        files=files,
    )
    return json.dumps(manifest.model_dump(mode="json"), indent=2)
