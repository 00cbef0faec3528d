"""Personas as files, one `<id>.json` each in a folder; people and git may edit them at any time.

A file that isn't a valid persona is listed as broken, and stays until someone saves over it with its etag.
The cache is never older than the file: one that was changed within the clock's resolution of a read is read
again.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from operator import is_not
from pathlib import Path

from personachat.errors import PersonaExists, Problem, StoreUnavailable
from personachat.jsontext.faults import excerpt
from personachat.jsontext.reader import MAX_TEXT_BYTES
from personachat.personas.fields import is_persona_id
from personachat.personas.persona import Persona
from personachat.personas.store.base import PLAIN_SAVE, Action, BrokenPersona, Saving, StoredPersona
from personachat.personas.store.folder import (
    UnreadableFile,
    available,
    locked,
    move_file,
    read_file,
    remove_file,
    replace_file,
)
from personachat.personas.store.folder_renaming import Pending, begin, drop, finish, is_pending, pending_in
from personachat.personas.store.id_in_text import Renaming, renaming_of
from personachat.personas.store.persona_file import (
    PICTURE_SUFFIX,
    SUFFIX,
    Mark,
    Signature,
    broken_persona,
    etag_of,
    printable,
    read_persona,
    stem_of,
)
from personachat.personas.store.rules import (
    broken,
    check_new_id,
    not_found,
    rank,
    whole,
)
from personachat.personas.store.writing import AnyStoredPersona, Change, WritingStore

PUT_AWAY = ".deleted"
"""The subfolder of deleted broken files; their names begin with the time."""

LOOKING_SECONDS = 0.2
"""Seconds that a read waits for someone who saves or renames."""

_GRAIN_NANOSECONDS = 2_000_000_000
"""Nanoseconds; the coarsest clock of a file system still in use (FAT): later changes may have the same time.
"""


@dataclass(frozen=True, slots=True)
class _FileSnapshot:
    signature: Signature
    settled: bool
    stored: StoredPersona | BrokenPersona


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The last listing, in the folder's order and in that of the list."""

    personas: tuple[StoredPersona | BrokenPersona, ...] = ()
    ordered: tuple[StoredPersona | BrokenPersona, ...] = ()


class FilePersonaStore(WritingStore):
    """A PersonaStore over a folder, which needn't exist before the first save."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _FileSnapshot] = {}
        self._listing = FolderListing()
        self._pictures_beside: dict[str, Mark] = {}
        """The last listing of files that may be copies of pictures, by persona id."""
        self._folders_beside: set[str] = set()

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return list(self._list().ordered)

    def _list(self) -> FolderListing:
        """What the folder contains now; the identical object as last time if nothing has changed."""
        if is_pending(self._folder):
            self._end_renaming()
        with available(self._folder):
            try:
                with os.scandir(self._folder) as scanned:
                    entries = list(scanned)
                statuses, self._pictures_beside = dict(_statuses(entries)), dict(_pictures(entries))
                self._folders_beside = {each.name for each in entries if each.is_dir(follow_symlinks=False)}
            except FileNotFoundError:
                statuses, self._pictures_beside, self._folders_beside = {}, {}, set()
        for name in self._seen.keys() - statuses.keys():
            self._seen.pop(name, None)
        personas = tuple(
            persona for name, status in statuses.items() if (persona := self._loaded(name, status))
        )
        listing = self._listing
        if len(personas) != len(listing.personas) or any(map(is_not, personas, listing.personas)):
            self._listing = listing = FolderListing(personas, tuple(sorted(personas, key=rank)))
        return listing

    def get(self, persona_id: str) -> StoredPersona:
        persona = self._find(persona_id)
        if persona is None and is_pending(self._folder):
            self._end_renaming()
            persona = self._find(persona_id)
        if persona is None:
            raise self._missing(persona_id)
        return whole(persona)

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        self._refuse_missing(persona_id)
        with self._locked():
            persona = self._of_version(self._find(persona_id), persona_id, etag)
            check_new_id(new_id, self._find(new_id))
            if is_pending(self._folder):
                raise StoreUnavailable(
                    "Another rename was interrupted and is not finished yet.", hint="Try again in a moment."
                )
            renaming = renaming_of(persona, new_id)
            pending = begin(self._folder, renaming)
            self._rename_rows(renaming, saving=saving)
            finish(self._folder, pending)
            self._seen.pop(f"{persona.id}{SUFFIX}", None)
            return renaming.after

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        with self._locked():
            current = broken(persona_id, self._find(persona_id), etag)
            away = self._folder / PUT_AWAY
            with available(self._folder):
                away.mkdir(exist_ok=True)
            name = self._name_of(persona_id)
            move_file(self._folder / name, away / f"{time.time_ns():020}-{name}")
            self._seen.pop(name, None)
            return current

    def put_back(self, persona_id: str) -> None:
        with self._locked():
            with available(self._folder):
                away = self._folder / PUT_AWAY
                names = sorted(os.listdir(away)) if away.is_dir() else []  # noqa: PTH208  # names alone are needed
            matches = [name for name in names if stem_of(name.partition("-")[2]) == persona_id]
            if not matches:
                raise not_found(persona_id)
            if self._find(persona_id) is not None:
                raise PersonaExists(
                    f'There is a persona "{excerpt(persona_id)}" again by now.',
                    hint="Rename that one first.",
                )
            move_file(away / matches[-1], self._folder / matches[-1].partition("-")[2])

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        with self._locked():
            broken(persona_id, self._find(persona_id), etag)
            check_new_id(new_id, self._find(new_id))
            name = self._name_of(persona_id)
            move_file(self._folder / name, self._folder / f"{new_id}{SUFFIX}")
            self._seen.pop(name, None)

    @contextmanager
    def _change(self) -> Iterator[Change]:
        with self._locked():
            yield Change(self._find, self._put, self._take_out)

    @contextmanager
    def _locked(self, *, timeout_seconds: float | None = None) -> Iterator[None]:
        """Keep other writers out, and finish what a killed one left unfinished."""
        with locked(self._folder, timeout_seconds=timeout_seconds):
            pending = pending_in(self._folder)
            if pending and (is_done := self._is_renamed(pending)) is not None:
                if is_done:
                    finish(self._folder, pending)
                else:
                    drop(self._folder)
            yield

    def _end_renaming(self) -> None:
        """Wait for a renaming in progress, or finish an interrupted one, if possible."""
        with suppress(StoreUnavailable), self._locked(timeout_seconds=LOOKING_SECONDS):
            pass

    def _is_renamed(self, _pending: Pending) -> bool | None:
        """Whether an interrupted renaming should be completed or dropped; None if that isn't known now."""
        return True

    def _rename_rows(self, renaming: Renaming, *, saving: Saving) -> None:
        """Called under the folder's lock before the files change. Plain files need nothing here."""

    def _refuse_missing(self, persona_id: str) -> None:
        """Called before the lock is taken, which would create a missing folder. Raises PersonaNotFound."""
        if self._find(persona_id) is None and not is_pending(self._folder):
            raise self._missing(persona_id)

    def _name_of(self, persona_id: str) -> str:
        """The name of an existing persona's file."""
        if is_persona_id(persona_id):
            return f"{persona_id}{SUFFIX}"
        return next(name for name in self._names() if stem_of(name) == persona_id)

    def _changed(
        self,
        persona: StoredPersona,
        before: StoredPersona | BrokenPersona | None,
        *,
        action: Action,
        saving: Saving,
    ) -> None:
        """Called under the folder's lock after every change. Plain files have no record."""

    def _names(self) -> list[str]:
        with available(self._folder):
            try:
                names = os.listdir(self._folder)  # noqa: PTH208  # a thousand names, no Path objects
            except FileNotFoundError:
                return []
        return [name for name in names if name.endswith(SUFFIX) and not name.startswith(".")]

    def _find(self, persona_id: str) -> StoredPersona | BrokenPersona | None:
        """Look one up. An invalid id never becomes a path; it is only compared with existing names."""
        if is_persona_id(persona_id):
            return self._load(f"{persona_id}{SUFFIX}")
        name = next((name for name in self._names() if stem_of(name) == persona_id), None)
        return self._load(name) if name else None

    def _load(self, name: str) -> StoredPersona | BrokenPersona | None:
        """Return what a file contains, or None if there is none."""
        with available(self._folder):
            status = _status(self._folder / name)
        return None if status is None else self._loaded(name, status)

    def _loaded(self, name: str, status: os.stat_result) -> StoredPersona | BrokenPersona | None:
        signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        seen = self._seen.get(name)
        if seen and seen.settled and seen.signature == signature:
            return seen.stored
        settled = time.time_ns() - max(signature[:2]) > _GRAIN_NANOSECONDS
        try:
            content = read_file(self._folder / name, most_bytes=MAX_TEXT_BYTES)
        except FileNotFoundError:
            return None
        except UnreadableFile as unreadable:
            fault = Problem(f'"{printable(name)}" {unreadable}.')
            return broken_persona(name, "", etag_of(repr(signature).encode()), (fault,))
        digest = etag_of(content)
        if seen and seen.stored.etag == digest:
            persona = seen.stored
        else:
            persona = read_persona(name, content, digest=digest, signature=signature)
        self._seen[name] = _FileSnapshot(signature, settled, persona)
        return persona

    def _put(
        self, persona: Persona, text: str, *, before: AnyStoredPersona | None, action: Action, saving: Saving
    ) -> StoredPersona:
        entry = self._write(persona, text)
        self._changed(entry, before, action=action, saving=saving)
        return entry

    def _take_out(self, persona: StoredPersona, *, saving: Saving) -> None:
        name = f"{persona.id}{SUFFIX}"
        remove_file(self._folder / name)
        self._seen.pop(name, None)
        self._changed(persona, persona, action="deleted", saving=saving)

    def _write(self, persona: Persona, text: str) -> StoredPersona:
        content = text.encode()
        replace_file(self._folder / f"{persona.id}{SUFFIX}", content)
        return StoredPersona(persona, text, etag_of(content))


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file or of a link's target, or of the link if it leads nowhere."""
    for look in (os.stat, os.lstat):
        try:
            return look(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
    return None


def _pictures(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, Mark]]:
    for entry in entries:
        if entry.name.endswith(PICTURE_SUFFIX) and not entry.name.startswith("."):
            with suppress(OSError):
                status = entry.stat()
                mark = status.st_mtime_ns, status.st_ctime_ns, status.st_size
                yield entry.name.removesuffix(PICTURE_SUFFIX), mark


def _statuses(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    """Name and status of each file that may be a persona; of a link's target, if it has one."""
    for entry in entries:
        name = entry.name
        if name.endswith(SUFFIX) and not name.startswith("."):
            if entry.is_symlink():
                status = _status(Path(entry.path))
            else:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
            if status is not None:
                yield name, status
