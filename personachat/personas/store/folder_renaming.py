"""A renaming in a folder of files: written down before it begins, so that whoever comes next can end it.

Two files change and the database with them. The note lies in the folder until all is done. Whether a renaming
that was interrupted is carried on or dropped, its caller knows: the files are touched only after that point.
What lies beside a persona's file under the same name (`tutor.tests.yaml`, `tutor/`) goes along.
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
    """Whether a renaming is going on, or was interrupted."""
    return os.path.lexists(folder / NOTE)


def begin(folder: Path, renaming: Renaming) -> Pending:
    """Write down what is going to happen. Call this and what follows inside the folder's lock.

    Raises StoreUnavailable.
    """
    before, after = renaming.before, renaming.after
    pending = Pending(renaming.mark, before.id, after.id, before.etag, after.text)
    with available(folder):
        replace_file(folder / NOTE, json.dumps(asdict(pending)).encode())
    return pending


def pending_in(folder: Path) -> Pending | None:
    """The renaming that was interrupted, if any; what is no note of ours is removed."""
    try:
        return Pending(**json.loads((folder / NOTE).read_bytes()))
    except OSError:
        return None
    except (ValueError, TypeError):
        drop(folder)
        return None


def drop(folder: Path) -> None:
    """Nothing was changed, and nothing will be."""
    with available(folder), suppress(FileNotFoundError):
        remove_file(folder / NOTE)


def finish(folder: Path, pending: Pending) -> None:
    """Have the file, and what lies beside it, under the new name, however far that has come before."""
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
    """What the new file holds: also where somebody edited the old one after it was interrupted."""
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
