"""What a persona says about its tests, and the run that a save begins.

It stands in the persona's extensions, under "tests", so that it is saved, shown in History, exported and
shared with the persona:

    "extensions": {"tests": {
        "onSave": true, "maxCostUsd": 0.25, "questions": ["Is the reply warm?"],
        "sampling": {"percent": 5, "maxPerDay": 20, "maxCostUsdPerDay": 0.1}}}

A save is never held up: whether anything is to be run is decided from the text alone, and all else happens on
the engine's loop. A version is run once, however often and by whomever it is saved: its id is the run's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from personachat.jsontext.edits import with_value, without
from personachat.lab.suites.model import Question
from personachat.personas.persona import KEYS, Persona
from personachat.personas.store.base import PLAIN_SAVE, BrokenPersona, PersonaStore, Saving, StoredPersona

EXTENSION = "tests"
MOST_QUESTIONS = 20


class Sampling(BaseModel):
    """How many of people's replies are measured automatically, and what that may cost.

    Days are of UTC.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=True
    )

    percent: float = Field(default=0, ge=0, le=100, description="The share of replies; 0 measures none.")
    max_per_day: int = Field(default=20, ge=1, le=1000, description="The maximum number of replies per day.")
    max_cost_usd_per_day: float | None = Field(
        default=None, ge=0, description="The maximum cost per day in US dollars; null for no limit."
    )


class TestSettings(BaseModel):
    """A persona's settings for its tests."""

    __test__ = False

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=True
    )

    on_save: bool = Field(default=False, description="Whether its suite runs whenever it is saved.")
    max_cost_usd: float | None = Field(
        default=None, ge=0, description="The maximum cost per run in US dollars; null for no limit."
    )
    questions: Annotated[tuple[Question, ...], Field(max_length=MOST_QUESTIONS)] = Field(
        default=(), description="Yes-or-no questions: yes means that a reply fits the persona."
    )
    sampling: Sampling = Field(
        default=Sampling(),
        description="Which chat replies are measured with these questions automatically.",
    )

    @property
    def samples(self) -> bool:
        """Whether any replies are measured automatically."""
        return bool(self.sampling.percent and self.questions)

    @classmethod
    def of(cls, persona: Persona) -> TestSettings:
        """A persona's settings; the defaults if it has none that can be read."""
        value = persona.extensions.get(EXTENSION)
        try:
            return cls.model_validate_json(json.dumps(value)) if isinstance(value, dict) else cls()
        except ValidationError:
            return cls()

    def written_into(self, text: str) -> str:
        """A persona's JSON text with these settings; everything else stays unchanged."""
        value = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if value:
            return with_value(text, ("extensions", EXTENSION), value, order=KEYS)
        return without(text, ("extensions", EXTENSION))


def settings_trouble(persona: Persona) -> str:
    """What is wrong with a persona's settings for tests, as a sentence; "" if nothing is."""
    value = persona.extensions.get(EXTENSION)
    if value is None:
        return ""
    try:
        TestSettings.model_validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in ("extensions", EXTENSION, *first["loc"]))
        return f'"{place}" in the persona can\'t be used: {first["msg"].lower()}.'
    return ""


def run_id_of(place: str, persona_id: str, etag: str) -> str:
    """The id of the only run that a save of this version starts."""
    return hashlib.sha256(f"on save\0{place}\0{persona_id}\0{etag}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TestedPersonas:
    """A PersonaStore over another one that runs the tests of a saved version if the persona says so."""

    __test__ = False

    personas: PersonaStore
    begin: Callable[[StoredPersona], None]
    """Runs a version's suite in the background; returns at once and raises nothing."""

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self.personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self.personas.get(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        return self._saved(self.personas.create(text, saving=saving), saving)

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        return self._saved(self.personas.save(text, etag=etag, saving=saving), saving)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        return self.personas.delete(persona_id, etag=etag, saving=saving)

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        return self.personas.rename(persona_id, new_id, etag=etag, saving=saving)

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        return self.personas.put_away(persona_id, etag=etag)

    def put_back(self, persona_id: str) -> None:
        self.personas.put_back(persona_id)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        self.personas.rename_broken(persona_id, new_id, etag=etag)

    def _saved(self, entry: StoredPersona, saving: Saving) -> StoredPersona:
        """Imported personas run nothing: nobody here has agreed to the cost."""
        if saving.action != "imported" and TestSettings.of(entry.persona).on_save:
            self.begin(entry)
        return entry
