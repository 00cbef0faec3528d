"""Importing personas in two steps: a plan that says what would happen, and carrying it out as chosen.

A plan holds the version it was compared with; what was changed since is not overwritten, but reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from personachat.differences import Difference, differences
from personachat.errors import PersonaChatError
from personachat.interchange.arrivals import Arrival
from personachat.persona_edits import with_value
from personachat.persona_ids import free_id
from personachat.store.base import BrokenPersona, PersonaStore, Saving, StoredPersona

ImportAction: TypeAlias = Literal["new", "unchanged", "changed", "conflict"]
"""changed: a later version of what is here; conflict: both were changed, or nobody knows which is later."""

Choice: TypeAlias = Literal["mine", "theirs", "both"]
"""Keep what is here, take what comes instead, or keep both under different ids."""

Result: TypeAlias = Literal["created", "updated", "renamed", "kept", "failed"]

_PROPOSED: dict[ImportAction, Choice] = {
    "new": "theirs",
    "unchanged": "mine",
    "changed": "theirs",
    "conflict": "mine",
}


@dataclass(frozen=True, slots=True)
class PlannedImport:
    """One persona of the file, and what would become of it. `differences` lead from ours to theirs."""

    arrival: Arrival
    action: ImportAction
    stored: StoredPersona | BrokenPersona | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def id(self) -> str:
        return self.arrival.persona.id

    @property
    def name(self) -> str:
        return self.arrival.persona.name

    @property
    def losses(self) -> tuple[str, ...]:
        """What the file says and a persona cannot hold, in sentences."""
        return self.arrival.losses

    @property
    def proposed(self) -> Choice:
        """What happens where nobody chooses."""
        return _PROPOSED[self.action]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What a file would bring, in its order; ids are told apart."""

    items: tuple[PlannedImport, ...]
    taken: frozenset[str] = field(repr=False, default=frozenset())
    """Ids that are in use."""

    @property
    def conflicts(self) -> tuple[PlannedImport, ...]:
        return tuple(item for item in self.items if item.action == "conflict")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one persona. `saved` is None where it was kept as it is, or failed."""

    id: str
    name: str
    result: Result
    saved: StoredPersona | None = None
    error: PersonaChatError | None = None


def plan_of(arrivals: Sequence[Arrival], everything: Sequence[StoredPersona | BrokenPersona]) -> ImportPlan:
    """Compare what comes with what is there."""
    here = {stored.id: stored for stored in everything}
    items = tuple(_planned(arrival, here.get(arrival.persona.id)) for arrival in arrivals)
    return ImportPlan(items, frozenset(here))


def carry_out(
    plan: ImportPlan, choices: Mapping[str, Choice], personas: PersonaStore, *, author: str
) -> tuple[Outcome, ...]:
    """Import as chosen, by id, else as proposed. One that fails does not stop the others."""
    taken = {*plan.taken, *(item.id for item in plan.items)}
    outcomes = []
    for item in plan.items:
        outcome = _done(item, choices.get(item.id, item.proposed), personas, taken=taken, author=author)
        if outcome.saved:
            taken.add(outcome.saved.id)
        outcomes.append(outcome)
    return tuple(outcomes)


def _planned(arrival: Arrival, stored: StoredPersona | BrokenPersona | None) -> PlannedImport:
    if stored is None:
        return PlannedImport(arrival, "new")
    if isinstance(stored, StoredPersona) and stored.persona == arrival.persona:
        return PlannedImport(arrival, "unchanged", stored)
    action: ImportAction = "changed" if stored.etag in arrival.ancestors else "conflict"
    return PlannedImport(arrival, action, stored, differences(stored.text, arrival.text))


def _done(
    item: PlannedImport, choice: Choice, personas: PersonaStore, *, taken: set[str], author: str
) -> Outcome:
    saving = Saving(author, f"From {item.arrival.origin}" if item.arrival.origin else "", "imported")
    text = item.arrival.text
    try:
        if item.stored is not None and choice == "both":
            text = with_value(text, ("id",), free_id(item.name, taken))
            return Outcome(item.id, item.name, "renamed", personas.create(text, saving=saving))
        if choice == "mine" or item.action == "unchanged":
            return Outcome(item.id, item.name, "kept")
        if item.stored is None:
            return Outcome(item.id, item.name, "created", personas.create(text, saving=saving))
        saved = personas.save(text, etag=item.stored.etag, saving=saving)
        return Outcome(item.id, item.name, "updated", saved)
    except PersonaChatError as error:
        return Outcome(item.id, item.name, "failed", error=error)
