"""Checks files as the store would read them. Writes nothing and needs no database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from personachat.errors import PersonaBroken, PersonaNotFound, Problem, StoreUnavailable
from personachat.personas.store.base import BrokenPersona
from personachat.personas.store.files import FilePersonaStore


def check_file(file: Path) -> tuple[Problem, ...]:
    """Every fault that makes this file an invalid persona; empty if it is valid."""
    if not os.path.lexists(file):
        return (Problem("There is no such file."),)
    if file.suffix != ".json" or file.name.startswith("."):
        return (Problem("The name of a persona's file is its id and .json."),)
    try:
        FilePersonaStore(file.parent).get(file.stem)
    except PersonaBroken as error:
        return error.problems
    except (PersonaNotFound, StoreUnavailable) as error:
        return (Problem(str(error)),)
    return ()


def checked(paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    """Each file, also in subfolders, with its faults."""
    for path in paths:
        if path.is_dir():
            yield from _check_folder(path)
        else:
            yield path, check_file(path)


def _check_folder(folder: Path) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    for persona in FilePersonaStore(folder).all():
        if isinstance(persona, BrokenPersona):
            yield folder / persona.filename, persona.problems
        else:
            yield folder / f"{persona.id}.json", ()
