"""`personachat personas validate`: every fault of files, as the store and the editor find it.

It writes nothing and needs no database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from personachat.cli.console import answer, note
from personachat.errors import PersonaBroken, PersonaNotFound, Problem, StoreUnavailable
from personachat.store.base import BrokenPersona
from personachat.store.files import FilePersonaStore

FINE, FAULTY = 0, 1


def validate(paths: Sequence[Path]) -> int:
    """Print every fault of the files, and of the personas in the folders; returns the exit code."""
    faults, files = 0, 0
    for file, problems in checked(paths):
        files += 1
        faults += len(problems)
        for problem in problems:
            answer(f"{file}:{place_of(problem)}", end="\n")
    note(f"{count(files, 'file')}, {count(faults, 'fault')}")
    return FAULTY if faults else FINE


def check_file(file: Path) -> tuple[Problem, ...]:
    """Every fault that keeps a store from taking this file for a persona; none if it does."""
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


def place_of(problem: Problem) -> str:
    """Where and what, as editors and CI systems read it."""
    return f"{problem.line}:{problem.column}: {problem.message}"


def checked(paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    """Each file, also those in the folders, with its faults."""
    for path in paths:
        if path.is_dir():
            yield from _check_folder(path)
        else:
            yield path, check_file(path)


def _check_folder(folder: Path) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    for stored in FilePersonaStore(folder).all():
        if isinstance(stored, BrokenPersona):
            yield folder / stored.filename, stored.problems
        else:
            yield folder / f"{stored.id}.json", ()


def count(number: int, noun: str) -> str:
    """E.g. "1 file" or "3 faults"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
