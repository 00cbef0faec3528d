"""`personachat personas`: list, show, create and delete personas, wherever they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import typer

from personachat.authoring.library import PersonaLibrary
from personachat.authoring.opening import Personas
from personachat.cli.console import answer, note, plain
from personachat.cli.persona_checks import place_of
from personachat.errors import LabelNotFound, PersonaBroken, PersonaMoved, PersonaNotFound
from personachat.personas.persona import Persona, check_persona, dump_persona
from personachat.personas.store.base import BrokenPersona, PersonaSource, PersonaStore, StoredPersona
from personachat.personas.templates.gallery import matching_templates

_WIDEST_CELL = 80


def find(
    store: PersonaStore | PersonaLibrary, persona_id: str, *, by: PersonaSource | None = None
) -> StoredPersona:
    """The persona with that id; `by` also knows labels.

    Raises PersonaNotFound with similar ids as its hint, or PersonaBroken.
    """
    try:
        try:
            return (by or store).get(persona_id)
        except PersonaMoved as moved:
            note(str(moved))
            return store.get(moved.new_id)
    except LabelNotFound:
        raise
    except PersonaNotFound as error:
        ids = [persona.id for persona in store.all()]
        nearest = get_close_matches(persona_id.lower(), ids, cutoff=0.4) or ids[:3]
        hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "There are no personas yet."
        raise PersonaNotFound(str(error), hint=hint) from None


def list_all(collection: PersonaLibrary) -> None:
    """Print a line for each persona: id, model and name; for a broken one its first fault."""
    print_rows([_row(persona) for persona in collection.all()])


def show(collection: PersonaLibrary, persona_id: str) -> None:
    try:
        text = find(collection, persona_id).text
    except PersonaBroken as error:
        for problem in error.problems:
            note(f"{persona_id}.json:{place_of(problem)}")
        raise
    answer(text, end="" if text.endswith("\n") else "\n")


def create(opened: Personas, persona_id: str, *, template: str | None) -> None:
    """Save a first version of a persona. Raises PersonaExists; an invalid id is a usage error."""
    if problems := check_persona(
        dump_persona(Persona.model_construct(id=persona_id, name="A", system_prompt="A"))
    ):
        raise typer.BadParameter(problems[0].message, param_hint="ID")
    tests = ""
    if template is None:
        start = Persona.model_construct(
            id=persona_id,
            name=persona_id.replace("-", " ").replace("_", " ").strip().capitalize(),
            description="What it is good for, in one line.",
            model=opened.models.best(),
            system_prompt="You are {{char}}. Say who you are, what you do, and what you leave to others.",
            starters=("What can you help me with?",),
        )
    else:
        starting_template = opened.gallery.get(template)
        model = starting_template.persona.model if starting_template.own else opened.models.best()
        start = starting_template.persona.model_copy(update={"model": model})
        tests = starting_template.tests
    opened.collection.create(dump_persona(start.model_copy(update={"id": persona_id})))
    if tests:
        opened.collection.keep_tests(persona_id, tests)
    in_files = opened.settings.persona_store == "files"
    answer(str(opened.settings.personas_dir / f"{persona_id}.json") if in_files else persona_id, end="\n")


def list_templates(opened: Personas, *, search: str) -> None:
    rows = [
        (template.id, template.group, template.purpose)
        for template in matching_templates(opened.gallery.all(), search)
    ]
    print_rows(rows)
    if not rows:
        note("No template contains these words.")


def delete(collection: PersonaLibrary, persona_id: str) -> None:
    entry = find(collection, persona_id)
    collection.delete(entry.id, etag=entry.etag)
    note(f"Deleted: {entry.persona.name}. To restore it: personachat personas restore {entry.id}")


def print_rows(rows: Sequence[tuple[str, ...]]) -> None:
    """Print lines with aligned cells; a long cell doesn't widen its column."""
    rows = [tuple(" ".join(plain(cell).split()) for cell in row) for row in rows]
    widths = [min(max(map(len, column)), _WIDEST_CELL) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        answer("  ".join(cells).rstrip(), end="\n")


def _row(entry: StoredPersona | BrokenPersona) -> tuple[str, str, str]:
    if isinstance(entry, BrokenPersona):
        return entry.id, "(broken)", f"line {entry.problems[0].line}: {entry.problems[0].message}"
    return entry.id, entry.persona.model, entry.persona.name
