"""Opens the persona store. A new one begins with the shipped personas.

That happens once per folder and once per database. Whatever someone keeps or deletes there later stays kept
or deleted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from personachat.database.connection import Database
from personachat.errors import StoreUnavailable
from personachat.personas.store.base import PersonaStore, Revisions, StoredPersona
from personachat.personas.store.files import FilePersonaStore
from personachat.personas.store.folder import available, locked, replace_file
from personachat.personas.store.persona_file import SUFFIX, TESTS_SUFFIX
from personachat.personas.store.picture_files import PictureFiles
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.renaming import Move
from personachat.personas.store.revisions import SqlRevisions, place_of
from personachat.personas.store.sql import Begun, SqlPersonaStore
from personachat.settings import APP, INSTALLED, Settings

log = logging.getLogger(__name__)

SHIPPED = APP / "personas"

_SEEDED = ".seeded"
_AT_ONCE = (0, 0, 0)
_BEGUN, _DONE = b"begun\n", b"done\n"


def open_store(
    settings: Settings, database: Database, *, moves: Sequence[Move] = (), begun: Begun | None = None
) -> tuple[PersonaStore, Revisions]:
    """The store that the settings name, and its history. The database is opened when it is first needed.

    `moves` are run when a persona gets another id, `begun` in the transaction in which a database gets its
    first personas. Raises StoreUnavailable if a folder must be filled and can't be.
    """
    revisions = SqlRevisions(database, place=place_of(settings), most=settings.kept_revisions)
    folder = settings.personas_dir
    if settings.persona_store == "database":
        pictures = PictureFiles(folder, PersonaPictures(database))
        store = SqlPersonaStore(
            database,
            revisions,
            beginning=lambda: _first_with_pictures(folder, pictures),
            moves=moves,
            begun=begun,
        )
        return store, revisions
    if INSTALLED:
        seed_personas(folder, SHIPPED)
    return RecordedFiles(folder, revisions, database, moves=moves), revisions


def first_personas(folder: Path, shipped: Path) -> list[StoredPersona]:
    """A new database's personas: the folder's, or the shipped ones if it has none.

    Broken files are left out. Raises StoreUnavailable if a folder can't be read.
    """
    for source in (folder, shipped):
        stored_personas = FilePersonaStore(source).all()
        personas = [persona for persona in stored_personas if isinstance(persona, StoredPersona)]
        if len(personas) < len(stored_personas):
            log.warning(
                "%d broken files were not taken into the database", len(stored_personas) - len(personas)
            )
        if personas:
            return personas
    return []


def _first_with_pictures(folder: Path, pictures: PictureFiles) -> list[StoredPersona]:
    """The personas of a new database, after the pictures beside them are stored."""
    firsts = first_personas(folder, SHIPPED)
    for entry in firsts:
        if entry.persona.picture:
            pictures.digest_from_file(entry, picture=_AT_ONCE, text=_AT_ONCE)
    return firsts


def seed_personas(folder: Path, shipped: Path) -> None:
    """Fill a folder that has no personas and never had the shipped ones; deleted personas stay deleted.

    A start that dies half-way is completed by the next. Raises StoreUnavailable if nothing can be written.
    """
    marker = folder / _SEEDED
    with available(folder):
        if not shipped.is_dir() or (folder.is_dir() and folder.samefile(shipped)):
            return
        state = _marked(marker)
        somebodys_own = state is None and any(folder.glob(f"*{SUFFIX}"))
    if state == _DONE:
        return
    if somebodys_own:
        with suppress(StoreUnavailable), locked(folder):  # the folder may be read-only
            replace_file(marker, _DONE)
        return
    with locked(folder):
        if _marked(marker) == _DONE:
            return
        replace_file(marker, _BEGUN)
        for source in sorted([*shipped.glob(f"*{SUFFIX}"), *shipped.glob(f"*{TESTS_SUFFIX}")]):
            if not os.path.lexists(folder / source.name):
                replace_file(folder / source.name, source.read_bytes())
        replace_file(marker, _DONE)


def _marked(marker: Path) -> bytes | None:
    try:
        return marker.read_bytes()
    except OSError:
        return None
