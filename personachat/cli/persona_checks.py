"""`personachat personas validate`: every fault of files, as the store and the editor find it.

It writes nothing and needs no database.

`personachat personas lint`: what will hurt in personas though it is valid. It writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from personachat.authoring.linting import Linter
from personachat.cli.console import answer, note
from personachat.errors import PersonaBroken, PersonaNotFound, Problem, StoreUnavailable
from personachat.personas.store.base import BrokenPersona
from personachat.personas.store.files import FilePersonaStore
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import Generations
from personachat.settings import Settings

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


MODELS_SECONDS = 10.0


def lint(paths: Sequence[Path], settings: Settings, *, strict: bool) -> int:
    """Print what will hurt in the valid ones, and the faults of the others; returns the exit code."""
    providers, generations = ProviderRegistry(settings), Generations(max_concurrent=1)
    names = ModelNames(providers, generations, configured=settings.providers)
    try:
        names.known(wait_seconds=MODELS_SECONDS)
        linter = Linter(providers, names)
        faults, warnings, files = 0, 0, 0
        for file, problems in checked(paths):
            files += 1
            faults += len(problems)
            for problem in problems:
                answer(f"{file}:{problem.line}:{problem.column}: error: {problem.message}", end="\n")
            for found in () if problems else linter.lint(file.read_text("utf-8")):
                warnings += found.severity == "warning"
                answer(f"{file}:{found.line}:{found.column}: {found.severity}: {found.message}", end="\n")
    finally:
        names.close()
        generations.ask(providers.aclose(), timeout_seconds=10)
        generations.close()
    note(f"{count(files, 'file')}, {count(faults, 'fault')}, {count(warnings, 'warning')}")
    return FAULTY if faults or (strict and warnings) else FINE
