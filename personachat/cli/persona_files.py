"""`personachat personas export` and `import`: files out and in, in every format there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

from personachat.cli.console import complain, complain_of, hand_out, note, taken_in
from personachat.cli.personas import find, print_rows
from personachat.collection import Collection
from personachat.interchange.departures import Format
from personachat.persona_import import Choice, Outcome, PlannedImport

FINE, FAILED = 0, 1

OnConflict = Literal["refuse", "replace", "rename"]
_CHOICES: dict[str, Choice] = {"refuse": "mine", "replace": "theirs", "rename": "both"}


def export(collection: Collection, ids: Sequence[str], *, kind: str | None, output: Path | None) -> int:
    """Write one persona in a format, or several as a bundle; returns the exit code."""
    kind = kind or ("json" if len(ids) == 1 else "bundle")
    if kind != "bundle" and len(ids) != 1:
        complain("Only a bundle holds several personas.", "Name one, or leave --format out.")
        return FAILED
    for persona_id in ids:
        find(collection, persona_id)
    made = (
        collection.bundle(ids or None)
        if kind == "bundle"
        else collection.export(ids[0], cast("Format", kind))
    )
    for loss in made.losses:
        note(loss)
    return FINE if hand_out(made.content, made.filename, output) else FAILED


def import_file(collection: Collection, file: Path, *, dry_run: bool, on_conflict: str) -> int:
    """Say what a file brings, and take it in; returns the exit code."""
    content = taken_in(file)
    if content is None:
        return FAILED
    plan = collection.plan_import(content, filename="" if str(file) == "-" else file.name)
    for item in plan.items:
        for loss in item.losses:
            note(f"{item.id}: {loss}")
    if dry_run:
        print_rows([_planned(item) for item in plan.items])
        return FINE
    if on_conflict == "refuse" and plan.conflicts:
        print_rows([_planned(item) for item in plan.items])
        complain(
            "Nothing was imported, because of the conflicts.",
            "Choose --on-conflict replace or --on-conflict rename.",
        )
        return FAILED
    choices = {item.id: _CHOICES[on_conflict] for item in plan.conflicts}
    outcomes = collection.carry_out(plan, choices)
    print_rows([_done(outcome) for outcome in outcomes])
    for outcome in outcomes:
        if outcome.error:
            complain_of(outcome.error)
    return FAILED if any(outcome.error for outcome in outcomes) else FINE


def _planned(item: PlannedImport) -> tuple[str, ...]:
    keys = ", ".join(dict.fromkeys(difference.label for difference in item.differences))
    return item.id, item.action, item.name, keys


def _done(outcome: Outcome) -> tuple[str, ...]:
    return outcome.saved.id if outcome.saved else outcome.id, outcome.result, outcome.name
