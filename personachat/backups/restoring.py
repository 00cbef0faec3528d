"""Restoring a backup: into SQLite or PostgreSQL, whichever it came from.

All rows come in one transaction, which ends once the personas' files are in their folder: a process that is
killed leaves the database as it was, and restoring again finishes the work. Data that somebody made is only
replaced if that was asked for.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Table, delete, func, insert, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError

from personachat.backups.archive import (
    FILES,
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    all_tables,
    decoded,
    member_of,
    rows_at_once,
)
from personachat.backups.folder_files import is_backed_up, leads_outside, names_in
from personachat.database import schema
from personachat.database.connection import FILE_NAME, Database
from personachat.database.patience import patient_for
from personachat.errors import BackupFailed
from personachat.lab.testing_tables import test_suites
from personachat.personas.store.folder import UnreadableFile, available, locked, read_file, replace_file
from personachat.personas.store.persona_file import SUFFIX, TESTS_SUFFIX
from personachat.personas.store.revisions import place_of
from personachat.personas.store.seeding import SHIPPED
from personachat.personas.store.tables import personas
from personachat.settings import Settings

MOST_FILE_BYTES = 64 * 1024 * 1024

_TABLE_SECONDS = 600.0
"""How long PostgreSQL may take to empty a table or to take in a batch."""

_MOST_MANIFEST_BYTES = 64 * 1024 * 1024
"""It names every file."""

_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
"""What readers raise of an archive, of JSON and of a row that no backup has."""

_REFUSED_ROW = (IntegrityError, DataError, ProgrammingError)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was taken out of the backup, and which version of PersonaChat made it when."""

    manifest: Manifest
    rows: int
    files: int


def restore_backup(settings: Settings, file: Path, *, replace: bool = False) -> Restored:
    """Put a backup's data where the settings keep theirs; with `replace`, in the place of what is there.

    Raises BackupFailed, errors as Database.write, and StoreUnavailable.
    """
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        database = Database.of(settings)
        try:
            return _restore(archive, manifest, settings, database, replace=replace)
        finally:
            database.close()


def _restore(
    archive: zipfile.ZipFile, manifest: Manifest, settings: Settings, database: Database, *, replace: bool
) -> Restored:
    tables = all_tables()
    _check_tables(manifest, tables)
    files = _files_of(archive, manifest, tables, settings)
    folder = settings.personas_dir
    places = {manifest.place: place_of(settings)}
    with database.write() as connection, patient_for(_TABLE_SECONDS), locked(folder):
        if not replace:
            _refuse_where_there_is_data(connection, tables, folder, files)
        if database.is_sqlite:
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        for table in reversed(tables):
            connection.execute(delete(table))
        number = sum(_fill(connection, table, archive, manifest, places) for table in tables)
        if not database.is_sqlite:
            _count_on(connection, tables)
        elif connection.execute(text("PRAGMA foreign_key_check")).first():
            raise _not_whole("The file")  # which would else show at the end, with the files in their folder
        with available(folder):
            _lay(files, folder)
    if replace:
        with locked(folder), available(folder):
            for name in tuple(_others(folder, files)):
                (folder / name).unlink()
    return Restored(manifest, number, len(files))


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except FileNotFoundError:
        raise BackupFailed(f"There is no file {file}.") from None
    except OSError as error:
        raise BackupFailed(f"{file} can't be read: {(error.strerror or 'it failed').lower()}.") from None
    except _FAULTS:
        raise _not_whole(file) from None


def _not_whole(file: Path | str) -> BackupFailed:
    return BackupFailed(f"{file} is not a complete backup. Nothing was changed.")


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    """Raises BackupFailed for what this version cannot restore."""
    try:
        manifest = Manifest.model_validate_json(
            _content_of(archive, MANIFEST, most_bytes=_MOST_MANIFEST_BYTES)
        )
    except (*_FAULTS, ValidationError):
        raise _not_whole(file) from None
    newest = schema.revisions()[-1]
    if manifest.format_version > FORMAT_VERSION or manifest.tables_version > newest:
        raise BackupFailed(
            f"This backup was made by a newer version ({manifest.made_by}). Nothing was changed.",
            hint="Update PersonaChat, then restore it.",
        )
    if manifest.tables_version != newest:
        raise BackupFailed(
            f"This backup was made by an older version ({manifest.made_by}). Nothing was changed.",
            hint=f"Restore it with PersonaChat {manifest.made_by}, then update PersonaChat.",
        )
    return manifest


def _check_tables(manifest: Manifest, tables: tuple[Table, ...]) -> None:
    unknown = sorted(set(manifest.rows) - {table.name for table in tables})
    if unknown:
        raise BackupFailed(
            f"This backup has tables that this PersonaChat doesn't know: {', '.join(unknown)}.",
            hint="Restore it with the version that made it.",
        )


def _refuse_where_there_is_data(
    connection: Connection, tables: tuple[Table, ...], folder: Path, files: Mapping[str, bytes]
) -> None:
    """Raises BackupFailed. What a new database has by itself, and the shipped personas, are nobody's data."""
    begins_with = _rows_of_a_new_database()
    for table in tables:
        number = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if number > begins_with[table.name]:
            raise _has_data("The database", settings_name="DATABASE_URL or PERSONACHAT_DATA_DIR")
    for name in (*_others(folder, files), *files):
        content = _content(folder / name)
        if content is None or content == files.get(name) or content == _content(SHIPPED / name):
            continue
        raise _has_data(f'The folder "{folder.name}"', settings_name="PERSONACHAT_PERSONAS_DIR")


def _has_data(what: str, *, settings_name: str) -> BackupFailed:
    return BackupFailed(
        f"{what} already has data. Nothing was changed.",
        hint=f"Choose an empty place with {settings_name}, or replace the data with --force.",
    )


def _rows_of_a_new_database() -> dict[str, int]:
    """How many rows each table has before anybody used it."""
    with tempfile.TemporaryDirectory() as folder:
        new = Database(f"sqlite:///{Path(folder) / FILE_NAME}")
        try:
            with new.read() as connection:
                return {
                    table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                    for table in all_tables()
                }
        finally:
            new.close()


def _fill(
    connection: Connection,
    table: Table,
    archive: zipfile.ZipFile,
    manifest: Manifest,
    places: Mapping[str, str],
) -> int:
    """Put a table's rows in; returns how many. Raises BackupFailed if the file does not hold them all."""
    expected, number = manifest.rows.get(table.name, 0), 0
    if table.name not in manifest.rows:
        return 0
    try:
        with archive.open(member_of(table)) as member:
            coming = decoded(member, table)
            while rows := list(islice(coming, rows_at_once(table))):
                _insert(connection, table, [_moved(row, places) for row in rows])
                number += len(rows)
    except _FAULTS:
        raise _not_whole("The file") from None
    except StatementError as error:
        if isinstance(error, DBAPIError) and not isinstance(error, _REFUSED_ROW):
            raise
        raise _not_whole("The file") from None
    if number != expected:
        raise _not_whole("The file")
    return number


def _moved(row: dict[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The row with the name that the personas' place has here."""
    if row.get("place") in places:
        return row | {"place": places[row["place"]]}
    return row


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def _count_on(connection: Connection, tables: tuple[Table, ...]) -> None:
    """Have PostgreSQL number new rows after those that came with their numbers."""
    for table in tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        next_number = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(sequence, next_number, False)))


def _files_of(
    archive: zipfile.ZipFile, manifest: Manifest, tables: tuple[Table, ...], settings: Settings
) -> dict[str, bytes]:
    """The files that the folder is to have, by name: the backup's, or its personas where they were rows."""
    try:
        if manifest.persona_store == "files":
            names = [name for name in manifest.files if is_backed_up(name)]
            return {name: _content_of(archive, FILES + name, most_bytes=MOST_FILE_BYTES) for name in names}
        if settings.persona_store != "files" or personas not in tables:
            return {}
        texts: dict[str, str] = {}
        for row in _rows(archive, personas):
            if not row["deleted"]:
                texts[f"{row['id']}{SUFFIX}"] = row["text"]
        for row in sorted(_rows(archive, test_suites), key=lambda row: int(row["number"])):
            name = f"{row['persona_id']}{TESTS_SUFFIX}"
            texts.pop(name, None)
            if row["place"] == manifest.place and not row["deleted"]:
                texts[name] = row["text"]
        return {name: text.encode() for name, text in texts.items() if is_backed_up(name)}
    except _FAULTS:
        raise _not_whole("The file") from None


def _content_of(archive: zipfile.ZipFile, name: str, *, most_bytes: int) -> bytes:
    """A file of the archive, which may say of its length what it likes. Raises ValueError if it is longer."""
    with archive.open(name) as member:
        content = member.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(name)
    return content


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[dict[str, Any]]:
    with archive.open(member_of(table)) as member:
        yield from decoded(member, table)


def _lay(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        if leads_outside(folder, name) or _content(path) == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def _others(folder: Path, files: Mapping[str, bytes]) -> Iterator[str]:
    """The names of the files in the folder that the backup does not have."""
    for name in names_in(folder):
        if name not in files:
            yield name


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path, most_bytes=MOST_FILE_BYTES)
    except (FileNotFoundError, UnreadableFile):
        return None
