"""`personachat personas lint`: what will hurt in personas though it is valid. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from personachat.cli.console import answer, note
from personachat.cli.persona_checks import FAULTY, FINE, checked, count
from personachat.generations import Generations
from personachat.linting import Linter
from personachat.model_names import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.settings import Settings

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
