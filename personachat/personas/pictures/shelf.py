"""Pictures of many personas on their way in: they wait in a temporary file, not in memory."""

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
    """Holds pictures as long as somebody holds it; the file has no name and is gone with it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # it is closed with the shelf
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def put(self, picture: PictureOnItsWay) -> ShelvedPicture:
        with self._lock:
            start = self._file.seek(0, 2)
            length = self._file.write(picture.content)
        return ShelvedPicture(picture.digest, picture.thumb, self, start, length)

    def read(self, start: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)


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
