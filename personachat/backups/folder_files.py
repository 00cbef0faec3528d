"""The files of a personas folder that a backup has: personas, their pictures, tests and cards' other files.

They are named by their paths in the folder, with `/`. Hidden files, links and what lies in other folders are
somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from personachat.personas.fields import is_persona_id
from personachat.personas.store.asset_files import files_below
from personachat.personas.store.persona_file import PICTURE_SUFFIX, SUFFIX, TESTS_SUFFIX


def names_in(folder: Path) -> Iterator[str]:
    """The names of those that are there, in order."""
    for path in sorted(folder.glob("*")):
        if path.is_dir() and not path.is_symlink() and is_persona_id(path.name):
            for place in sorted(files_below(path)):
                if is_backed_up(name := f"{path.name}/{place}"):
                    yield name
        elif is_backed_up(path.name):
            yield path.name


def is_backed_up(name: str) -> bool:
    """Whether a file of this name is one of them, and in no other place."""
    parts = name.split("/")
    if any(not part or part.startswith(".") or "\\" in part or not part.isprintable() for part in parts):
        return False
    if len(parts) == 1:
        return name.endswith((SUFFIX, PICTURE_SUFFIX, TESTS_SUFFIX)) and ":" not in name
    return is_persona_id(parts[0]) and ":" not in parts[1][1:2]


def leads_outside(folder: Path, name: str) -> bool:
    """Whether a folder on the way to it is a link, which may lead anywhere."""
    return any((folder / above).is_symlink() for above in PurePosixPath(name).parents[:-1])
