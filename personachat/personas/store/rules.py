"""Rules that every store shares: the order of a list, and the messages of refusals."""

from __future__ import annotations

from personachat.errors import (
    PersonaBroken,
    PersonaChanged,
    PersonaExists,
    PersonaInvalid,
    PersonaNotFound,
    Problem,
)
from personachat.jsontext.faults import excerpt, places
from personachat.jsontext.reader import read_json
from personachat.personas.fields import RESERVED_IDS, is_persona_id
from personachat.personas.persona import DEFAULT_PERSONA_ID
from personachat.personas.store.base import BrokenPersona, Saving, StoredPersona

Rank = tuple[bool, str, str]
"""The sort key of a list; no two personas of a store have the same."""


def rank(entry: StoredPersona | BrokenPersona) -> Rank:
    name = entry.persona.name if isinstance(entry, StoredPersona) else entry.id
    return entry.id != DEFAULT_PERSONA_ID, name.casefold(), entry.id


def whole(persona: StoredPersona | BrokenPersona) -> StoredPersona:
    """The persona, if it is valid. Raises PersonaBroken."""
    if isinstance(persona, StoredPersona):
        return persona
    first = persona.problems[0]
    raise PersonaBroken(
        f'"{persona.filename}" can\'t be read as a persona. Line {first.line}: {first.message}',
        problems=persona.problems,
        hint="Fix it in the editor. Until then it stays as it is.",
    )


def check_version(persona_id: str, current: StoredPersona | BrokenPersona | None, etag: str) -> None:
    """Raises PersonaChanged unless the current version is exactly that one."""
    if current is None:
        raise PersonaChanged(
            f'The persona "{persona_id}" was deleted in the meantime.',
            etag=None,
            text=None,
            hint="Save it as a new one to keep it.",
        )
    if current.etag != etag:
        raise PersonaChanged(
            f'Somebody else has changed the persona "{persona_id}" in the meantime.',
            etag=current.etag,
            text=current.text,
            hint="Compare both versions, then save the one you want to keep.",
        )


def check_free(persona_id: str, current: StoredPersona | BrokenPersona | None) -> None:
    """Raises PersonaExists if the persona exists, or PersonaBroken if its file is broken."""
    if current is not None:
        whole(current)
        raise PersonaExists(
            f'A persona with the id "{persona_id}" already exists.', hint="Choose another id."
        )


def broken(persona_id: str, current: StoredPersona | BrokenPersona | None, etag: str | None) -> BrokenPersona:
    """The broken file, in that version.

    Raises PersonaNotFound, PersonaChanged, or PersonaExists if it is valid.
    """
    if current is None:
        raise not_found(persona_id)
    if isinstance(current, StoredPersona):
        raise PersonaExists(
            f'The persona "{excerpt(persona_id)}" was fixed in the meantime.',
            hint=("Look at it before you continue."),
        )
    if etag is not None:
        check_version(persona_id, current, etag)
    return current


def check_new_id(new_id: str, other: StoredPersona | BrokenPersona | None) -> None:
    """Raises PersonaInvalid for an invalid id, PersonaExists for one in use."""
    if not is_persona_id(new_id):
        message = (
            f'"{excerpt(new_id)}" can\'t be an id: only lower-case letters, digits and hyphens are allowed.'
        )
        raise PersonaInvalid((Problem(message, path=("id",)),))
    if new_id in RESERVED_IDS:
        raise PersonaInvalid((Problem(_reserved(new_id), path=("id",)),))
    if other is not None:
        raise PersonaExists(f'A persona with the id "{new_id}" already exists.', hint="Choose another id.")


def check_not_reserved(persona_id: str, text: str, saving: Saving) -> None:
    """Raises PersonaInvalid for a new persona whose id is a reserved address.

    A persona that already had such an id may be restored.
    """
    if persona_id in RESERVED_IDS and saving.action != "restored":
        line, column = places(text, [read_json(text).values["id",]])[0]
        raise PersonaInvalid((Problem(_reserved(persona_id), line, column, ("id",)),))


def _reserved(persona_id: str) -> str:
    return (
        f'"{persona_id}" is reserved because /api/personas/{persona_id} means something else. '
        "Choose another id."
    )


def not_found(persona_id: str) -> PersonaNotFound:
    return PersonaNotFound(f'There is no persona "{excerpt(persona_id)}".', hint="See the list of personas.")
