"""Importing personas in two steps: a plan that shows what would happen, and carrying it out as chosen.

An imported persona is a version of an existing one if it came from the same card or source, or else if it has
the same id. It gets a model that answers here. A plan remembers the version it was compared with: later
changes aren't overwritten but reported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

from personachat.authoring.available_models import Models
from personachat.errors import PersonaChatError
from personachat.jsontext.edits import with_value, without
from personachat.jsontext.faults import Path, excerpt
from personachat.personas.assets.sets import OURS, set_named_by
from personachat.personas.diff import Difference, differences
from personachat.personas.fields import free_id
from personachat.personas.formats.catalogue import Columns, FileContents, ImportedPersona, Skipped
from personachat.personas.formats.origins import IMPORT_ORIGIN, comparable, origins
from personachat.personas.persona import KEYS, Persona, parse_persona
from personachat.personas.spending import SPENDING, TESTS
from personachat.personas.store.base import BrokenPersona, PersonaStore, Saving, StoredPersona

ImportAction: TypeAlias = Literal["new", "unchanged", "changed", "conflict"]
"""changed: a later version of the existing one; conflict: both changed, or it is unknown which is later."""

Choice: TypeAlias = Literal["mine", "theirs", "both"]
"""Keep the existing one, replace it, or keep both under different ids."""


class KeepTests(Protocol):
    """Saves a text as a persona's suite; without `replacing` only if it has none."""

    def __call__(self, persona_id: str, text: str, *, replacing: bool) -> None: ...


Result: TypeAlias = Literal["created", "updated", "renamed", "kept", "failed"]

_PROPOSED: dict[ImportAction, Choice] = {
    "new": "theirs",
    "unchanged": "mine",
    "changed": "theirs",
    "conflict": "mine",
}


@dataclass(frozen=True, slots=True)
class PlannedImport:
    """One persona of the file, and what would happen to it. `differences` lead from ours to theirs."""

    arrival: ImportedPersona
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
        """What the file says and a persona can't contain, in sentences."""
        return self.arrival.losses

    @property
    def collides_with(self) -> str:
        """Name and id of the existing persona that differs; "" if none does."""
        if self.action != "conflict" or self.stored is None:
            return ""
        name = self.stored.persona.name if isinstance(self.stored, StoredPersona) else "a broken file"
        return f"{excerpt(name)} ({self.stored.id})"

    @property
    def proposed(self) -> Choice:
        """What happens without a choice."""
        return _PROPOSED[self.action]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The content of a file, in its order; ids are distinct."""

    items: tuple[PlannedImport, ...]
    other_ids: frozenset[str] = field(repr=False, default=frozenset())
    """Ids that are in use."""
    skipped: tuple[Skipped, ...] = ()
    """Files inside the file without a persona, each with the reason."""

    columns: Columns | None = None
    """For a table: its columns, and which were used."""

    @property
    def broken(self) -> tuple[Skipped, ...]:
        """The skipped ones that were meant to be a persona."""
        return tuple(each for each in self.skipped if each.is_broken)

    @property
    def conflicts(self) -> tuple[PlannedImport, ...]:
        return tuple(item for item in self.items if item.action == "conflict")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one persona. `saved` is None if the existing one was kept, or it failed."""

    id: str
    name: str
    result: Result
    saved: StoredPersona | None = None
    error: PersonaChatError | None = None


def plan_of(
    contents: FileContents,
    everything: Sequence[StoredPersona | BrokenPersona],
    *,
    models: Models,
    pictures: Collection[str] = (),
    assets: Collection[str] = (),
) -> ImportPlan:
    """Compare a file with what exists; `pictures` and `assets` are those it names that are stored."""
    arrivals = (_saying_what_lacks(each, pictures, assets) for each in contents.arrivals)
    contents = replace(contents, arrivals=tuple(arrivals))
    here = _Here(everything, {arrival.persona.id for arrival in contents.arrivals})
    items = tuple(_planned(arrival, here, models) for arrival in contents.arrivals)
    other_ids = frozenset(each.id for each in everything)
    return ImportPlan(items, other_ids, contents.skipped, contents.columns)


def carry_out(
    plan: ImportPlan,
    choices: Mapping[str, Choice],
    personas: PersonaStore,
    *,
    author: str,
    keep: Callable[[ImportedPersona], None],
    keep_tests: KeepTests = lambda *_, **__: None,
) -> tuple[Outcome, ...]:
    """Import with the choices by id, or else as proposed. A failure doesn't stop the others.

    `keep` stores what a persona brings besides its text, before the text that names it is saved, and
    `keep_tests` a suite after it.
    """
    other_ids = {*plan.other_ids, *(item.id for item in plan.items)}
    outcomes = []
    for item in plan.items:
        choice = choices.get(item.id, item.proposed)
        outcome = _done(item, choice, personas, other_ids=other_ids, author=author, keep=keep)
        if item.arrival.tests and outcome.result != "failed":
            outcome = _with_tests(item, outcome, keep_tests)
        if outcome.saved:
            other_ids.add(outcome.saved.id)
        outcomes.append(outcome)
    return tuple(outcomes)


def _with_tests(item: PlannedImport, outcome: Outcome, keep_tests: KeepTests) -> Outcome:
    """The result once its tests are saved, too. If the persona stays as it was, its tests do as well."""
    if outcome.saved is None and item.action != "unchanged":
        return outcome
    persona_id = outcome.saved.id if outcome.saved else item.id
    try:
        keep_tests(persona_id, item.arrival.tests, replacing=outcome.saved is not None)
    except PersonaChatError as error:
        return replace(outcome, result="failed", error=error)
    return outcome


class _Here:
    """Existing personas by origin or id. Each is found once, so no two of a file replace the same one."""

    def __init__(self, everything: Sequence[StoredPersona | BrokenPersona], coming: set[str]) -> None:
        self._by_id = {entry.id: entry for entry in everything}
        self._other_ids = {*self._by_id, *coming}
        self._met: set[str] = set()
        self.stored_ids = frozenset(self._by_id)
        self._by_origin: dict[str, list[StoredPersona]] = {}
        for entry in everything:
            if isinstance(entry, BrokenPersona):
                continue
            for origin in origins(entry.persona):
                self._by_origin.setdefault(origin, []).append(entry)

    def of(self, arrival: ImportedPersona) -> StoredPersona | BrokenPersona | None:
        """The persona that this is a version of."""
        existing = self._existing(arrival)
        if existing is not None:
            self._met.add(existing.id)
        return existing

    def free_id(self, name: str) -> str:
        """An id that neither an existing persona nor another imported one has."""
        new_id = free_id(name, self._other_ids)
        self._other_ids.add(new_id)
        return new_id

    def _existing(self, arrival: ImportedPersona) -> StoredPersona | BrokenPersona | None:
        same_id = self._by_id.get(arrival.persona.id)
        if arrival.states_id:
            return same_id if same_id is None or same_id.id not in self._met else None
        for origin in origins(arrival.persona):
            same_origin = [each for each in self._by_origin.get(origin, ()) if each.id not in self._met]
            if same_origin:
                return next((each for each in same_origin if each is same_id), same_origin[0])
        if same_id is None or same_id.id in self._met:
            return None
        named = isinstance(same_id, BrokenPersona) or same_id.persona.name == arrival.persona.name
        return same_id if named else None


def _planned(arrival: ImportedPersona, here: _Here, models: Models) -> PlannedImport:
    entry = here.of(arrival)
    persona_id = arrival.persona.id
    if entry is not None:
        persona_id = entry.id
    elif not arrival.states_id and persona_id in here.stored_ids:
        persona_id = here.free_id(arrival.persona.name)
    arrival = _spending_as_here(_with_id(arrival, persona_id), entry)
    if isinstance(entry, StoredPersona) and _same(arrival, entry.persona, models):
        return PlannedImport(arrival, "unchanged", entry)
    arrival = _with_model(arrival, models, entry)
    if entry is None:
        return PlannedImport(arrival, "new")
    action: ImportAction = "changed" if entry.etag in arrival.ancestors else "conflict"
    return PlannedImport(arrival, action, entry, differences(entry.text, arrival.text))


def _same(arrival: ImportedPersona, persona: Persona, models: Models) -> bool:
    """Whether it equals the existing one, apart from a model that it doesn't name or nobody has."""
    ours = comparable(arrival.persona)
    if not arrival.states_id and not (arrival.states_model and models.is_available(ours.model)):
        ours = ours.model_copy(update={"model": persona.model})
    return ours == comparable(persona)


def _saying_what_lacks(
    arrival: ImportedPersona, pictures: Collection[str], assets: Collection[str]
) -> ImportedPersona:
    name = arrival.persona.picture
    if name and not arrival.picture and name not in pictures:
        why = "The file names a picture but doesn't include it. A bundle or a PNG card includes it."
        arrival = _noting(arrival, why)
    named = set_named_by(arrival.persona.extensions)
    if named and not arrival.assets and named not in assets:
        why = "The file doesn't include the other files of the card. A bundle or a CHARX card includes them."
        arrival = _noting(arrival, why)
    return arrival


def _with_id(arrival: ImportedPersona, persona_id: str) -> ImportedPersona:
    if arrival.persona.id == persona_id:
        return arrival
    return _edited(arrival, ("id",), persona_id)


def _spending_as_here(
    arrival: ImportedPersona, entry: StoredPersona | BrokenPersona | None
) -> ImportedPersona:
    """With the existing persona's permission to spend by itself, which a new one lacks; reported."""
    here = entry.persona.extensions.get(TESTS) if isinstance(entry, StoredPersona) else None
    allowed = here if isinstance(here, dict) else {}
    stated = arrival.persona.extensions.get(TESTS)
    if not isinstance(stated, dict):
        return arrival
    text = arrival.text
    for name in SPENDING:
        path = ("extensions", TESTS, name)
        if name in allowed:
            text = with_value(text, path, allowed[name], order=KEYS)
        elif name in stated:
            text = without(text, path)
    if text == arrival.text:
        return arrival
    arrival = replace(arrival, text=text, persona=parse_persona(text))
    return _noting(
        arrival,
        "The file's settings for automatic tests were not imported. You choose them on the Tests page.",
    )


def _with_model(
    arrival: ImportedPersona, models: Models, entry: StoredPersona | BrokenPersona | None
) -> ImportedPersona:
    """With a model that answers here, if the file names none or one that nobody has; reported.

    PersonaChat's own files keep their model, with a note if it doesn't answer. If another program's file
    names none and the persona exists, that keeps its own.
    """
    named = arrival.persona.model
    if (arrival.states_model or arrival.states_id) and models.is_available(named):
        return arrival
    if arrival.states_id:
        return _noting(arrival, (f'The model "{excerpt(named)}" is not available here; choose another one.'))
    if isinstance(entry, StoredPersona) and not arrival.states_model:
        model = entry.persona.model
        return arrival if model == named else _edited(arrival, ("model",), model)
    best = models.best()
    if arrival.states_model and best == named:
        return arrival
    why = f'The file asks for "{excerpt(named)}", which is not available here'
    note = (
        f'{why if arrival.states_model else "The file names no model"}; the persona gets "{excerpt(best)}".'
    )
    arrival = _noting(_edited(arrival, ("model",), best), note)
    if not isinstance(arrival.persona.extensions.get(OURS), dict):
        return arrival
    return _edited(arrival, ("extensions", OURS, IMPORT_ORIGIN), {"id": arrival.persona.id, "model": best})


def _edited(arrival: ImportedPersona, path: Path, value: Any) -> ImportedPersona:
    text = with_value(arrival.text, path, value, order=KEYS)
    return replace(arrival, text=text, persona=parse_persona(text))


def _noting(arrival: ImportedPersona, note: str) -> ImportedPersona:
    return replace(arrival, losses=(*arrival.losses, note))


def _done(
    item: PlannedImport,
    choice: Choice,
    personas: PersonaStore,
    *,
    other_ids: set[str],
    author: str,
    keep: Callable[[ImportedPersona], None],
) -> Outcome:
    note = f"From {item.arrival.origin}" if item.arrival.origin else ""
    saving = Saving(author, note, "imported", proposes_id=True)
    text = item.arrival.text
    try:
        if choice != "mine" and item.action != "unchanged":
            keep(item.arrival)
        if item.stored is not None and choice == "both":
            text = with_value(text, ("id",), free_id(item.name, other_ids))
            return Outcome(item.id, item.name, "renamed", personas.create(text, saving=saving))
        if choice == "mine" or item.action == "unchanged":
            return Outcome(item.id, item.name, "kept")
        if item.stored is None:
            return Outcome(item.id, item.name, "created", personas.create(text, saving=saving))
        saved = personas.save(text, etag=item.stored.etag, saving=saving)
        return Outcome(item.id, item.name, "updated", saved)
    except PersonaChatError as error:
        return Outcome(item.id, item.name, "failed", error=error)
