"""Personas by the names that links and people use: an id, an earlier id, or an id with a label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.store.addressed import MARK
from personachat.personas.store.base import StoredPersona
from personachat.ui import script_runs, session


def followed(personas: Mapping[str, Persona], name: str | None) -> StoredPersona | None:
    """The persona that a name other than a plain id means. The session remembers its current id."""
    if not name or name in personas:
        return None
    with suppress(PersonaChatError):
        persona = session.workspace().addressed.get(name)
        if persona.address != name:
            session.remember("persona", persona.address)
        return persona
    return None


def with_labels(ids: Iterable[str]) -> list[str]:
    """The ids, each followed by its addresses with a label."""
    labels: Mapping[str, Sequence[str]] = {}
    with suppress(PersonaChatError):  # a list without labels is better than none
        labels = script_runs.once_a_run(_labels)
    names: list[str] = []
    for each in ids:
        names += [each, *(f"{each}{MARK}{label}" for label in labels.get(each, ()))]
    return names


def _labels() -> Mapping[str, Sequence[str]]:
    return session.workspace().labels.all()


def id_and_label(name: str) -> tuple[str, str]:
    """For example ("tutor", "production"); the label is "" for the newest version."""
    persona_id, _, label = name.partition(MARK)
    return persona_id, label
