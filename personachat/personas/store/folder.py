"""Complete files in one folder: locked across processes, replaced in one step, read safely.

A file contains the old bytes or the new ones, whenever the writer is killed. Only the holder of the lock
creates temporary files, so one that the next holder finds belongs to nobody and is removed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from personachat.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_TIMEOUT_SECONDS = 10.0

_LOCK = ".lock"
_TEMPORARY = ".writing-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


class UnreadableFile(Exception):
    """`str` says why, as the end of a sentence that starts with the file's name."""


@contextmanager
def locked(folder: Path, *, timeout_seconds: float | None = None) -> Iterator[None]:
    """Create the folder if necessary and keep other writers out. Raises StoreUnavailable."""
    timeout = LOCK_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
    with available(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=timeout, poll_interval=0.01)
        try:
            lock.acquire()
        except Timeout:
            raise StoreUnavailable(
                (
                    f'The folder "{folder.name}" has been locked by another program for {timeout:g} '
                    "seconds. Nothing was changed."
                ),
                hint="Try again. If this keeps happening, find the PersonaChat that hangs and end it.",
            ) from None
        try:
            _sweep(folder)
            yield
        finally:
            lock.release()


@contextmanager
def available(folder: Path) -> Iterator[None]:
    """Turn the operating system's errors into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message, advice = "The disk is full. Nothing was changed.", ("Free some space, then save again.")
        elif error.errno in _DENIED:
            message = f'This program may not read or write the folder "{folder.name}".'
            advice = "Change its permissions, or choose another folder with PERSONACHAT_PERSONAS_DIR."
        else:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            message = f'The folder "{folder.name}" can\'t be used: {reason}.'
            advice = "Check the folder, or choose another with PERSONACHAT_PERSONAS_DIR."
        raise StoreUnavailable(message, hint="Try again in a moment.", advice=advice) from error


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file's content, or create it. Call it inside `locked`. Raises OSError."""
    temporary = path.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def remove_file(path: Path) -> None:
    """Delete a file permanently. Call it inside `locked`. Raises OSError."""
    path.unlink()
    _sync(path.parent)


def move_file(path: Path, to: Path) -> None:
    """Move a file to a path that must be free. Call it inside `locked`.

    Raises StoreUnavailable.
    """
    with available(path.parent):
        path.rename(to)
        _sync(path.parent)


def read_file(path: Path, *, most_bytes: int) -> bytes:
    """Return a regular file's bytes; one more than the limit if it is longer.

    Raises FileNotFoundError, or UnreadableFile for anything but a plain file of this folder: a pipe would
    block for ever, and a link could show any file of the machine.
    """
    try:
        if path.is_symlink() and not _leads_inside(path):
            raise UnreadableFile("is a link to a place outside the folder")
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableFile("is not a file but a folder, a pipe or a device")
            return file.read(most_bytes + 1)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            raise
        if isinstance(error, IsADirectoryError):
            raise UnreadableFile("is not a file but a folder, a pipe or a device") from None
        reason = os.strerror(error.errno).lower() if error.errno else type(error).__name__
        raise UnreadableFile(f"can't be read: {reason}") from None


def _leads_inside(link: Path) -> bool:
    target = os.path.realpath(link, strict=True)  # Path.resolve has another error for loops
    return os.path.commonpath([target, link.parent.resolve()]) == str(link.parent.resolve())


def _sweep(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.name.startswith(_TEMPORARY):
            with suppress(FileNotFoundError):
                os.unlink(entry.path)  # noqa: PTH108  # an entry of os.scandir


def _sync(folder: Path) -> None:
    """Make the names in a folder durable; Windows has no such call and needs none."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
