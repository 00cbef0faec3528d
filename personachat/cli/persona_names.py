"""`personachat personas rename` and `label`: another id, and names for revisions."""

from __future__ import annotations

from contextlib import suppress

from personachat.authoring.library import PersonaLibrary
from personachat.cli.console import note
from personachat.cli.personas import find, print_rows
from personachat.errors import PersonaBroken


def rename(collection: PersonaLibrary, persona_id: str, new_id: str) -> None:
    entry = find(collection, persona_id)
    collection.rename(entry.id, new_id, etag=entry.etag)
    note(
        f"{entry.persona.name} now has the id {new_id}. {entry.id} redirects to it until another "
        "persona uses that id."
    )


def label(
    collection: PersonaLibrary, persona_id: str, name: str | None, number: int | None, *, remove: bool
) -> None:
    """Set a label on a revision, or remove it; without a name, print the existing ones."""
    with suppress(PersonaBroken):  # its revisions can still be labelled
        persona_id = find(collection, persona_id).id
    if name is None:
        rows = [
            (each.label, str(each.number), each.moved_at.astimezone().strftime("%Y-%m-%d %H:%M"), each.author)
            for each in collection.labelled(persona_id)
        ]
        print_rows(rows)
        if not rows:
            note("No revision has a label.")
    elif remove:
        collection.unlabel(persona_id, name)
        note(f"Removed: {name}.")
    else:
        collection.label(persona_id, name, number)
        on = next(each.number for each in collection.labelled(persona_id) if each.label == name)
        note(f"{persona_id}@{name} now points to revision {on}.")
