"""Pictures and other files of personas on their way in: they wait in a temporary file, not in memory."""

from __future__ import annotations

import tempfile
import threading
import weakref
from dataclasses import dataclass
from typing import Protocol


class PictureOnItsWay(Protocol):
    """A picture that was read and is not kept yet."""

    @property
    def digest(self) -> str: ...

    @property
    def content(self) -> bytes: ...

    @property
    def thumb(self) -> bytes: ...


class PictureShelf:
    """Holds files as long as somebody holds it; the one they are in has no name and is gone with it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed with the shelf
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def put(self, picture: PictureOnItsWay) -> ShelvedPicture:
        content = picture.content
        return ShelvedPicture(picture.digest, picture.thumb, self, self._laid(content), len(content))

    def put_file(self, digest: str, content: bytes) -> ShelvedFile:
        return ShelvedFile(digest, self, self._laid(content), len(content))

    def read(self, start: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)

    def _laid(self, content: bytes) -> int:
        """Where the content begins."""
        with self._lock:
            start = self._file.seek(0, 2)
            self._file.write(content)
        return start


@dataclass(frozen=True, slots=True)
class ShelvedPicture:
    """A picture whose content lies on a shelf."""

    digest: str
    thumb: bytes
    shelf: PictureShelf
    start: int
    length: int

    @property
    def content(self) -> bytes:
        return self.shelf.read(self.start, self.length)


@dataclass(frozen=True, slots=True)
class ShelvedFile:
    """Any other file that lies on a shelf."""

    digest: str
    shelf: PictureShelf
    start: int
    length: int

    @property
    def content(self) -> bytes:
        return self.shelf.read(self.start, self.length)
