"""The files `<id>.png` beside the personas' own: copies of their pictures, for people and git.

A persona's text says which picture it has. A file that someone added or changed after the text was saved
becomes the persona's picture; one that the database doesn't have yet is imported from here. The picture is
redrawn before it is stored, and the file itself is never served.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from personachat.errors import PersonaChatError, PictureRefused
from personachat.personas.pictures.reading import MOST_BYTES, digest_of, read_picture
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.folder import UnreadableFile, read_file, remove_file, replace_file
from personachat.personas.store.persona_file import PICTURE_SUFFIX, Mark
from personachat.personas.store.pictures import PersonaPictures

log = logging.getLogger(__name__)


class PictureFiles:
    """The picture files of one folder. Only the holder of the folder's lock may write."""

    def __init__(self, folder: Path, pictures: PersonaPictures) -> None:
        self._folder = folder
        self._pictures = pictures
        self._looked_at: dict[str, tuple[str, Mark]] = {}
        """For each persona, the picture that its text named and the file at that time."""

    def lay(self, persona_id: str, digest: str) -> None:
        """Write this picture to the file, or none for "". Call it before the text is written."""
        if not digest:
            return
        try:
            content = self._pictures.content(digest)
            path = self._path(persona_id)
            if content is not None and not _holds(path, content):
                replace_file(path, content)
        except (PersonaChatError, OSError) as error:  # it is a copy
            log.warning('The picture of "%s" was not written into the folder: %s', persona_id, error)

    def clear(self, persona_id: str) -> None:
        """Delete the file: the persona has no picture, or is deleted."""
        try:
            remove_file(self._path(persona_id))
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning('The picture of "%s" was not removed: %s', persona_id, error)

    def digest_from_file(self, entry: StoredPersona, *, picture: Mark, text: Mark) -> str:
        """The digest of a picture that someone gave this persona through its file; "" if nobody did.

        `picture` and `text` are when the two files were changed. The file's content is then stored in the
        database, also if the text names a picture that the database doesn't have yet. Raises
        DatabaseUnavailable.
        """
        named = entry.persona.picture
        if self._looked_at.get(entry.id) == (named, picture):
            return ""
        is_later = max(picture[:2]) > max(text[:2])
        name = ""
        if is_later or not named or named not in self._pictures.existing((named,)):
            name = self._taken_in(entry.id, named, is_later=is_later)
        self._looked_at[entry.id] = named, picture
        return "" if name == named else name

    def _taken_in(self, persona_id: str, named: str, *, is_later: bool) -> str:
        """Store the file's content, if it is to be the persona's picture, and return its digest."""
        try:
            content = read_file(self._path(persona_id), most_bytes=MOST_BYTES)
            digest = digest_of(content)
            if digest in self._pictures.existing((digest,)):
                return digest if is_later else ""  # otherwise the persona's picture was removed afterwards
            if named not in {"", digest} and not is_later:
                return ""
            # A copy of the named picture keeps its name, even if redrawing changes it.
            picture = read_picture(content, square=False, digest=digest if digest == named else "")
        except (FileNotFoundError, UnreadableFile):
            return ""
        except PictureRefused as refused:
            log.warning(
                '"%s%s" is not a valid picture for a persona: %s', persona_id, PICTURE_SUFFIX, refused
            )
            return ""
        self._pictures.keep(picture)
        return picture.digest

    def _path(self, persona_id: str) -> Path:
        return self._folder / f"{persona_id}{PICTURE_SUFFIX}"


def _holds(path: Path, content: bytes) -> bool:
    with suppress(FileNotFoundError, UnreadableFile):
        return read_file(path, most_bytes=len(content)) == content
    return False
