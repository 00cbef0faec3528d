"""Renaming in a folder of files: noted before it begins, so that any later process can finish it.

Two files and the database change. The note stays in the folder until all is done. The caller knows whether an
interrupted renaming is completed or dropped: files change only after that point. Files with the same name
beside a persona's file (`tutor.tests.yaml`, `tutor/`) are renamed with it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from personachat.personas.store.folder import available, move_file, remove_file, replace_file
from personachat.personas.store.id_in_text import Renaming, renamed_text
from personachat.personas.store.persona_file import SUFFIX, etag_of

NOTE = ".renaming"


@dataclass(frozen=True, slots=True)
class Pending:
    """A renaming that has begun; `etag` is that of the text that became `text`."""

    mark: str
    old_id: str
    new_id: str
    etag: str
    text: str


def is_pending(folder: Path) -> bool:
    """Whether a renaming is in progress or was interrupted."""
    return os.path.lexists(folder / NOTE)


def begin(folder: Path, renaming: Renaming) -> Pending:
    """Note what will happen. Call this, and what follows, inside the folder's lock.

    Raises StoreUnavailable.
    """
    before, after = renaming.before, renaming.after
    pending = Pending(renaming.mark, before.id, after.id, before.etag, after.text)
    with available(folder):
        replace_file(folder / NOTE, json.dumps(asdict(pending)).encode())
    return pending


def pending_in(folder: Path) -> Pending | None:
    """The interrupted renaming, if any. A file that isn't a note of ours is removed."""
    try:
        return Pending(**json.loads((folder / NOTE).read_bytes()))
    except OSError:
        return None
    except (ValueError, TypeError):
        drop(folder)
        return None


def drop(folder: Path) -> None:
    """Drop it: nothing was changed, and nothing will be."""
    with available(folder), suppress(FileNotFoundError):
        remove_file(folder / NOTE)


def finish(folder: Path, pending: Pending) -> None:
    """Give the file, and what is beside it, the new name, however far that had got."""
    old, new = folder / f"{pending.old_id}{SUFFIX}", folder / f"{pending.new_id}{SUFFIX}"
    with available(folder):
        content = _read(old)
        if content is not None:
            if not os.path.lexists(new):
                replace_file(new, _renamed(content, pending))
            remove_file(old)
        elif not os.path.lexists(new):
            replace_file(new, pending.text.encode())
        _move_beside(folder, pending)
        with suppress(FileNotFoundError):
            remove_file(folder / NOTE)


def _renamed(content: bytes, pending: Pending) -> bytes:
    """What the new file should contain, even if someone edited the old one after the interruption."""
    if etag_of(content) == pending.etag:
        return pending.text.encode()
    try:
        return renamed_text(content.decode(), pending.new_id).encode()
    except UnicodeDecodeError:
        return content


def _move_beside(folder: Path, pending: Pending) -> None:
    start = f"{pending.old_id}."
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  # names alone are needed
        if name.startswith(start) and not name.startswith(f"{pending.old_id}{SUFFIX}"):
            to = folder / f"{pending.new_id}.{name.removeprefix(start)}"
            if not os.path.lexists(to):
                move_file(folder / name, to)
    files, to = folder / pending.old_id, folder / pending.new_id
    if files.is_dir() and not files.is_symlink() and not os.path.lexists(to):
        move_file(files, to)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
