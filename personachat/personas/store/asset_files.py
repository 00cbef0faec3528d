"""The folders `<id>/` beside the personas' files: copies of their cards' other files, for people and git.

A persona's text says which files it has. A folder that somebody changed after the text was saved becomes the
persona's files; files that the database does not know yet are taken in from here. See
`personachat.personas.assets.places` for the names. Links are never followed, in either direction.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from personachat.errors import PersonaChatError
from personachat.personas.assets.kinds import is_kept
from personachat.personas.assets.places import RESERVED, is_name, name_at, place_of
from personachat.personas.assets.sets import (
    MOST_BYTES,
    MOST_FILE_BYTES,
    MOST_FILES,
    AssetOnItsWay,
    AssetSet,
    AssetsOnTheirWay,
    digest_of,
    set_named_by,
)
from personachat.personas.pictures.shelf import PictureShelf
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.folder import UnreadableFile, read_file, remove_file, replace_file

log = logging.getLogger(__name__)

Marks = dict[PurePosixPath, tuple[int, int]]
"""When each file below a folder was last changed (ns), and its size in bytes."""


class AssetFiles:
    """The card files of one folder of personas. Only the holder of the folder's lock may write."""

    def __init__(self, folder: Path, assets: PersonaAssets) -> None:
        self._folder = folder
        self._assets = assets
        self._looked_at: dict[str, tuple[str, Marks]] = {}
        """For each persona, the set that its text named and the files at that time."""

    def lay(self, persona_id: str, digest: str) -> None:
        """Write this set into the folder, and delete copies of others. Call it before the text is written."""
        if not digest:
            return
        folder = self._folder / persona_id
        try:
            readers = self._assets.files(digest)
            if readers is None:
                return
            places = {place_of(name): read for name, read in readers.items()}
            for place, read in places.items():
                self._put(folder, place, read())
            self._remove(folder, [place for place in _marks(folder) if place not in places])
        except (PersonaChatError, OSError) as error:  # it is a copy
            log.warning('The files of the card of "%s" were not written: %s', persona_id, error)

    def clear(self, persona_id: str) -> None:
        """Delete the folder: the persona has no such files, or is deleted.

        Files that exist nowhere else stay.
        """
        folder = self._folder / persona_id
        try:
            self._remove(folder, list(_marks(folder)))
        except (PersonaChatError, OSError) as error:
            log.warning('The files of the card of "%s" were not removed: %s', persona_id, error)

    def digest_from_folder(self, entry: StoredPersona, *, text_changed: int) -> str:
        """The digest of a set that someone gave this persona through its folder; "" if nobody did.

        `text_changed` is when the text was changed (ns). The folder's contents are then stored in the
        database, also if the text names a set that the database doesn't have yet. Raises DatabaseUnavailable.
        """
        named = set_named_by(entry.persona.extensions)
        folder = self._folder / entry.id
        marks = _marks(folder)
        if self._looked_at.get(entry.id) == (named, marks):
            return ""
        is_later = any(changed > text_changed for changed, _ in marks.values())
        stamp = None
        if is_later or (named and not self._assets.are_whole(named)):
            stamp = _read(folder, marks)
        self._looked_at[entry.id] = named, marks
        if stamp is None or not (is_later or stamp.set.digest == named):
            return ""
        if stamp.set.digest != named or not self._assets.are_whole(named):
            self._assets.keep(stamp)
        return "" if stamp.set.digest == named else stamp.set.digest

    def _put(self, folder: Path, place: PurePosixPath, content: bytes) -> None:
        path = folder / place
        for above in (folder, *(folder / each for each in reversed(place.parents))):
            if above.is_symlink():
                return
        with suppress(FileNotFoundError, NotADirectoryError, UnreadableFile):
            if read_file(path, most_bytes=len(content)) == content:
                return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        except OSError as error:  # such as a name that is too long here; the others can be written
            log.warning('"%s" was not written into the folder: %s', path.name, error)

    def _remove(self, folder: Path, places: list[PurePosixPath]) -> None:
        """Delete the files that the database also has, and folders that are then empty."""
        for place in places:
            with suppress(FileNotFoundError, UnreadableFile):
                content = read_file(folder / place, most_bytes=MOST_FILE_BYTES)
                if self._assets.have(digest_of(content)):
                    remove_file(folder / place)
        below = [Path(path) for path, *_ in os.walk(folder)] if not folder.is_symlink() else []
        for each in sorted(below, reverse=True):
            with suppress(OSError):  # it isn't empty
                each.rmdir()


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    """The plain files below a folder, without hidden ones; none if it is a link."""
    yield from _marks(folder)


def _marks(folder: Path) -> Marks:
    return dict(sorted(_files(folder, PurePosixPath()))) if not folder.is_symlink() else {}


def _files(folder: Path, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, tuple[int, int]]]:
    """The plain files below a folder. Files whose names begin with a dot belong to other programs."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for entry in os.scandir(folder / place):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder, place / entry.name)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                yield place / entry.name, (status.st_mtime_ns, status.st_size)


def _read(folder: Path, marks: Marks) -> AssetsOnTheirWay | None:
    """The files that a card may have, within its limits; None if there are none."""
    shelf = PictureShelf()
    names: dict[str, str] = {}
    files: dict[str, AssetOnItsWay] = {}
    room = MOST_BYTES
    seen = set(RESERVED)
    for place, (_, size) in marks.items():
        name = name_at(place)
        if len(names) >= MOST_FILES or not 0 < size <= min(MOST_FILE_BYTES, room):
            continue
        if not is_name(name) or name.casefold() in seen:
            continue
        with suppress(FileNotFoundError, UnreadableFile):
            content = read_file(folder / place, most_bytes=MOST_FILE_BYTES)
            if len(content) <= room and is_kept(content):
                room -= len(content)
                digest = digest_of(content)
                names[name] = digest
                seen.add(name.casefold())
                if digest not in files:
                    files[digest] = shelf.put_file(digest, content)
    return AssetsOnTheirWay(AssetSet.of(names), files) if names else None
