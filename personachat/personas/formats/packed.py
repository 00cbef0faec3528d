"""A file to hand out: it is written once and read in parts; a long one is never in memory as a whole."""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import IO

MOST_HELD_BYTES = 1024 * 1024
"""A longer file lies on the disk, without a name, and is gone with the object."""

PART_BYTES = 256 * 1024


class PackedFile:
    """What `write` has written. Safe for threads: each reader has a place of its own."""

    def __init__(self, write: Callable[[IO[bytes]], None]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=MOST_HELD_BYTES)  # noqa: SIM115  # it is closed with this
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)
        write(self._file)
        self._size = self._file.seek(0, 2)

    def __len__(self) -> int:
        return self._size

    def parts(self) -> Iterator[bytes]:
        """The whole file from its start, at most PART_BYTES at a time."""
        for start in range(0, self._size, PART_BYTES):
            yield self._read(start, PART_BYTES)

    @property
    def content(self) -> bytes:
        """All of it in memory."""
        return self._read(0, self._size)

    def _read(self, start: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)
