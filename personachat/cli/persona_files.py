"""`personachat personas export` and `import`: files in every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from personachat.authoring.imports import Choice, ImportPlan, Outcome, PlannedImport
from personachat.authoring.library import PersonaLibrary
from personachat.cli.console import complain, complain_of, hand_out, mapped, note, taken_in
from personachat.cli.personas import find, print_rows
from personachat.personas.formats.catalogue import Format
from personachat.personas.formats.lore_files import read_lore

FINE, FAILED = 0, 1

OnConflict = Literal["refuse", "replace", "rename"]
_CHOICES: dict[str, Choice] = {"refuse": "mine", "replace": "theirs", "rename": "both"}


def export(collection: PersonaLibrary, ids: Sequence[str], *, kind: str | None, output: Path | None) -> int:
    """Write one persona in a format, or several as a bundle; returns the exit code."""
    kind = kind or ("json" if len(ids) == 1 else "bundle")
    if kind != "bundle" and len(ids) != 1:
        complain("Only a bundle can hold several personas.", "Name only one, or leave --format out.")
        return FAILED
    for persona_id in ids:
        find(collection, persona_id)
    file = (
        collection.bundle(ids or None)
        if kind == "bundle"
        else collection.export(ids[0], cast("Format", kind))
    )
    for loss in file.losses:
        note(loss)
    return FINE if hand_out(file.parts(), file.filename, output) else FAILED


def import_file(
    collection: PersonaLibrary,
    file: Path,
    *,
    dry_run: bool,
    on_conflict: str,
    whole: bool = False,
    columns: Mapping[str, str] | None = None,
) -> int:
    """Say what a file contains, and import it; `whole`: not if part of it is broken.

    Returns the exit code.
    """
    with mapped(file) as content:
        if content is None:
            return FAILED
        name = "" if str(file) == "-" else file.name
        plan = collection.plan_import(content, filename=name, columns=columns)
    _tell(plan)
    if dry_run:
        print_rows([_planned(item) for item in plan.items])
        return FINE
    if why_not := _why_not(plan, on_conflict=on_conflict, whole=whole):
        print_rows([_planned(item) for item in plan.items])
        complain(*why_not)
        return FAILED
    choices = {item.id: _CHOICES[on_conflict] for item in plan.conflicts}
    outcomes = collection.carry_out(plan, choices)
    print_rows([_done(outcome) for outcome in outcomes])
    for outcome in outcomes:
        if outcome.error:
            complain_of(outcome.error)
    return FAILED if any(outcome.error for outcome in outcomes) else FINE


def _why_not(plan: ImportPlan, *, on_conflict: str, whole: bool) -> tuple[str, str] | None:
    """Why nothing is imported, and what to do about it."""
    if whole and plan.broken:
        return "Nothing was imported because a file is broken.", "Leave --all-or-nothing out."
    if on_conflict == "refuse" and plan.conflicts:
        return (
            "Nothing was imported because of the conflicts.",
            "Use --on-conflict replace or --on-conflict rename.",
        )
    return None


def _tell(plan: ImportPlan) -> None:
    """What the file is, which parts contain nothing, and what a persona can't contain."""
    for skipped in plan.skipped:
        note(f"{skipped.name} was skipped: {skipped.reason}")
    for looks_like in dict.fromkeys(item.arrival.looks_like for item in plan.items):
        if looks_like:
            note(f"This looks like {looks_like}.")
    for item in plan.items:
        for loss in item.losses:
            note(f"{item.id}: {loss}")
        if item.collides_with:
            note(f"{item.id}: It differs from {item.collides_with}, which already exists.")


def import_lore(
    collection: PersonaLibrary, persona_id: str, file: Path, *, dry_run: bool, replace: bool
) -> int:
    """Report what has no effect in a lore book, and add it to the persona; returns the exit code."""
    find(collection, persona_id)
    content = taken_in(file)
    if content is None:
        return FAILED
    read = read_lore(content)
    for loss in read.losses:
        note(loss)
    print_rows([(persona_id, "would get" if dry_run else "gets", f"entries: {read.entries:,}")])
    if not dry_run:
        filename = "" if str(file) == "-" else file.name
        collection.add_lore(persona_id, read.book, joining="replace" if replace else "add", filename=filename)
    return FINE


def _planned(item: PlannedImport) -> tuple[str, ...]:
    keys = ", ".join(dict.fromkeys(difference.label for difference in item.differences))
    return item.id, item.action, item.name, keys


def _done(outcome: Outcome) -> tuple[str, ...]:
    return outcome.saved.id if outcome.saved else outcome.id, outcome.result, outcome.name
