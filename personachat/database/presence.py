"""Shows other processes on the same SQLite file that this one is alive, by a lock on a file of its own.

The system releases the lock the moment a process ends, however it ends. With a remote database there is no
such file, and only the reports of life count.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


class Presence:
    """Safe for threads. Whatever the file system refuses counts as unknown."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._locks: dict[str, FileLock] = {}

    def show(self, process_id: str) -> None:
        """From now on until `leave`, or the end of this process, others see it alive."""
        with self._lock:
            if self._folder is None or process_id in self._locks:
                return
            with suppress(OSError, NotImplementedError, Timeout):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = self._file(self._folder, process_id)
                lock.acquire(blocking=False)
                self._locks[process_id] = lock

    def living(self, process_id: str) -> bool | None:
        """Whether a process is alive; None if there is no file for it."""
        with self._lock:
            if process_id in self._locks:
                return True
            if self._folder is None or not self._path(self._folder, process_id).exists():
                return None
            try:
                with self._file(self._folder, process_id).acquire(blocking=False):
                    return False
            except Timeout:
                return True
            except (OSError, NotImplementedError):
                return None

    def leave(self, process_id: str) -> None:
        """Delete a process's file: this one's own, or a dead one's."""
        with self._lock:
            if self._folder is None:
                return
            with suppress(OSError):
                if lock := self._locks.pop(process_id, None):
                    lock.release()
                self._path(self._folder, process_id).unlink(missing_ok=True)

    def close(self) -> None:
        for process_id in tuple(self._locks):
            self.leave(process_id)

    @staticmethod
    def _path(folder: Path, process_id: str) -> Path:
        return folder / f"{process_id}.lock"

    def _file(self, folder: Path, process_id: str) -> FileLock:
        # Not bound to a thread: it is locked as long as the process lives.
        return FileLock(self._path(folder, process_id), thread_local=False, mode=0o600)
