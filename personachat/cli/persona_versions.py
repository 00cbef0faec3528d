"""`personachat personas revisions`, `diff`, `restore` and `deleted`: earlier versions, and restoring them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from personachat.authoring.library import PersonaLibrary
from personachat.cli.console import answer, note
from personachat.cli.personas import find, print_rows
from personachat.errors import RevisionNotFound
from personachat.personas.diff import Difference, DiffPiece
from personachat.personas.store.base import Revision

SAME, DIFFERENT = 0, 1
_CONTEXT_WORDS_CHARACTERS = 60


def list_revisions(collection: PersonaLibrary, persona_id: str, *, limit: int) -> None:
    """Print a line for each, newest first."""
    revisions = collection.history(persona_id, limit=limit)
    if not revisions:
        find(collection, persona_id)  # which reports that there is none
    print_rows([(str(each.number), *_when(each), each.action, each.author, each.note) for each in revisions])


def list_deleted(collection: PersonaLibrary) -> None:
    collection.all()  # so that personas deleted by hand are included
    deleted = collection.revisions.deleted(limit=1000)
    print_rows(
        [(each.persona_id, str(each.number), *_when(each), each.author, each.name) for each in deleted]
    )
    if not deleted:
        note("There are no deleted personas.")


def show_diff(collection: PersonaLibrary, persona_id: str, *, since: int | None, until: int | None) -> int:
    """Print what changed; returns the exit code, as diff does."""
    if since is None:
        newer = collection.history(persona_id, limit=2, before=None if until is None else until + 1)
        if len(newer) < 2:
            find(collection, persona_id)
            note("There is no earlier revision.")
            return SAME
        since = newer[1].number
    all_differences = collection.differences(persona_id, since=since, until=until)
    for difference in all_differences:
        for line in _lines(difference):
            answer(line, end="\n")
    if not all_differences:
        note("There are no differences.")
    return DIFFERENT if all_differences else SAME


def restore(collection: PersonaLibrary, persona_id: str, number: int | None) -> None:
    """Restore a revision; without a number, a deleted persona. Raises RevisionNotFound."""
    if number is None:
        last = collection.history(persona_id, limit=1)
        if not last or last[0].action != "deleted":
            raise RevisionNotFound(
                f'"{persona_id}" is not deleted.', hint=("Name a revision. `personas revisions` lists them.")
            )
        number = last[0].number
    entry = collection.restore(persona_id, number)
    note(f"Restored revision {number} of {entry.persona.name}.")


def _when(revision: Revision) -> tuple[str]:
    return (revision.saved_at.astimezone().strftime("%Y-%m-%d %H:%M"),)


def _lines(difference: Difference) -> Iterator[str]:
    yield f"{difference.label}:"
    if difference.words:
        words = [
            {"same": _cut(piece.text), "removed": f"[-{piece.text}-]", "added": f"{{+{piece.text}+}}"}[
                piece.kind
            ]
            for piece in difference.words
        ]
        yield from ("  " + line for line in "".join(words).splitlines())
        return
    if difference.kind != "added":
        yield f"- {_value_text(difference.before)}"
    if difference.kind != "removed":
        yield f"+ {_value_text(difference.after)}"


def _marked(piece: DiffPiece) -> str:
    """In the notation of `git diff --word-diff`."""
    if piece.kind == "same":
        return _cut(piece.text)
    return f"[-{piece.text}-]" if piece.kind == "removed" else f"{{+{piece.text}+}}"


def _cut(text: str) -> str:
    """The ends of a long unchanged stretch."""
    if len(text) <= 2 * _CONTEXT_WORDS_CHARACTERS:
        return text
    return f"{text[:_CONTEXT_WORDS_CHARACTERS]} … {text[-_CONTEXT_WORDS_CHARACTERS:]}"


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
