"""`personachat personas`: list, show, validate and begin persona files.

Validating writes nothing; it finds what the store and the editor find, at the same place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import typer

from personachat.cli.console import answer, note
from personachat.errors import PersonaBroken, PersonaNotFound, Problem, StoreUnavailable
from personachat.persona import Persona, check_persona, dump_persona
from personachat.store.base import BrokenPersona, PersonaStore, StoredPersona
from personachat.store.files import FilePersonaStore

FINE, FAULTY = 0, 1


def find(store: PersonaStore, persona_id: str) -> StoredPersona:
    """The persona of that id. Raises PersonaNotFound with the nearest ids as its hint, or PersonaBroken."""
    try:
        return store.get(persona_id)
    except PersonaNotFound as error:
        ids = [stored.id for stored in store.all()]
        nearest = get_close_matches(persona_id.lower(), ids, cutoff=0.4) or ids[:3]
        hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "There are no personas yet."
        raise PersonaNotFound(str(error), hint=hint) from None


def list_all(store: PersonaStore) -> None:
    """Print a line for each persona: id, model and name; for a broken one its first fault."""
    rows = [_row(stored) for stored in store.all()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        answer(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), end="\n"
        )


def show(store: PersonaStore, persona_id: str) -> None:
    try:
        text = find(store, persona_id).text
    except PersonaBroken as error:
        for problem in error.problems:
            note(f"{persona_id}.json:{_place(problem)}")
        raise
    answer(text, end="" if text.endswith("\n") else "\n")


def validate(paths: Sequence[Path]) -> int:
    """Print every fault of the files, and of the personas in the folders; returns the exit code."""
    faults, files = 0, 0
    for path in paths:
        checked = _check_folder(path) if path.is_dir() else [(path, check_file(path))]
        for file, problems in checked:
            files += 1
            faults += len(problems)
            for problem in problems:
                answer(f"{file}:{_place(problem)}", end="\n")
    note(f"{_count(files, 'file')}, {_count(faults, 'fault')}")
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


def create(store: PersonaStore, folder: Path, persona_id: str) -> None:
    """Save a persona to begin with. Raises PersonaExists; an id that cannot be one is a usage error."""
    text = dump_persona(
        Persona.model_construct(
            id=persona_id,
            name=persona_id.replace("-", " ").replace("_", " ").strip().capitalize(),
            description="What it is good for, in a line.",
            system_prompt="You are {{char}}. Say who you are, what you do, and what you leave to others.",
            starters=("What can you help me with?",),
        )
    )
    if problems := check_persona(text):
        raise typer.BadParameter(problems[0].message, param_hint="ID")
    store.create(text)
    answer(str(folder / f"{persona_id}.json"), end="\n")


def _row(stored: StoredPersona | BrokenPersona) -> tuple[str, str, str]:
    if isinstance(stored, BrokenPersona):
        return stored.id, "(broken)", f"line {stored.problems[0].line}: {stored.problems[0].message}"
    return stored.id, stored.persona.model, stored.persona.name


def _check_folder(folder: Path) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    for stored in FilePersonaStore(folder).all():
        if isinstance(stored, BrokenPersona):
            yield folder / stored.filename, stored.problems
        else:
            yield folder / f"{stored.id}.json", ()


def _place(problem: Problem) -> str:
    return f"{problem.line}:{problem.column}: {problem.message}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
