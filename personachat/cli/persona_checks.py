"""`personachat personas validate`: every fault of personas and test suites, as their editors find it.

It writes nothing and needs no database.

`personachat personas lint`: what will hurt in personas though it is valid. It writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from personachat.authoring.linting.opening import opened_linter
from personachat.cli.console import answer, note
from personachat.errors import Problem
from personachat.lab.suites.stored_suite import SUFFIX, suite_problems
from personachat.personas.store.checking import checked
from personachat.settings import Settings

FINE, FAULTY = 0, 1


def validate(paths: Sequence[Path]) -> int:
    """Print every fault of the files, and of the personas in the folders; returns the exit code."""
    faults, files = 0, 0
    personas = [path for path in paths if not path.name.endswith(SUFFIX)]
    for file, problems in chain(checked(personas) if personas else (), _checked_suites(paths)):
        files += 1
        faults += len(problems)
        for problem in problems:
            answer(f"{file}:{place_of(problem)}", end="\n")
    note(f"{count(files, 'file')}, {count(faults, 'fault')}")
    return FAULTY if faults else FINE


def _checked_suites(paths: Sequence[Path]) -> Iterator[tuple[Path, Sequence[Problem]]]:
    """The faults of test suites among these files, and of those in these folders."""
    for path in paths:
        for file in sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else (path,):
            if file.name.endswith(SUFFIX):
                try:
                    text = file.read_bytes().decode("utf-8", "replace")
                except OSError as error:
                    yield file, (Problem(f"The file can't be read: {(error.strerror or '').lower()}."),)
                    continue
                yield file, suite_problems(file.name.removesuffix(SUFFIX), text)


def place_of(problem: Problem) -> str:
    """Place and message, in the form that editors and CI systems read."""
    return f"{problem.line}:{problem.column}: {problem.message}"


def count(number: int, noun: str) -> str:
    """E.g. "1 file" or "3 faults"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def lint(paths: Sequence[Path], settings: Settings, *, strict: bool) -> int:
    """Print likely problems of the valid ones, and the faults of the others; returns the exit code."""
    faults, warnings, files = 0, 0, 0
    with opened_linter(settings) as linter:
        for file, problems in checked([path for path in paths if not path.name.endswith(SUFFIX)]):
            files += 1
            faults += len(problems)
            for problem in problems:
                answer(f"{file}:{problem.line}:{problem.column}: error: {problem.message}", end="\n")
            for finding in () if problems else linter.lint(file.read_text("utf-8")):
                warnings += finding.severity == "warning"
                answer(
                    f"{file}:{finding.line}:{finding.column}: {finding.severity}: {finding.message}", end="\n"
                )
    note(f"{count(files, 'file')}, {count(faults, 'fault')}, {count(warnings, 'warning')}")
    return FAULTY if faults or (strict and warnings) else FINE
