"""A run's options beyond its suite, stored with it so that it continues the same way after a restart.

A plain run of a suite has none. The caller makes the cases that stand for turns, settings or rounds; here is
what the runner needs to know about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from personachat.personas.persona import Persona

RunKind: TypeAlias = Literal["suite", "replay", "sweep", "adherence", "stress"]

EXPERIMENTS: tuple[RunKind, ...] = ("replay", "sweep", "adherence", "stress")
"""Kinds of runs with a suite of their own; the kind replaces the suite's etag."""


class Manner(BaseModel):
    """A manner of speaking; None means the persona's own."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tone: str | None = None
    style: str | None = None
    formality: str | None = None
    temperature: float | None = None

    @property
    def traits(self) -> dict[str, str]:
        """The values that aren't the persona's own, by field."""
        traits = {"tone": self.tone, "style": self.style, "formality": self.formality}
        return {name: value for name, value in traits.items() if value is not None}

    @property
    def name(self) -> str:
        """Its label for people."""
        parts = [f"{name} {value or 'none'}" for name, value in self.traits.items()]
        if self.temperature is not None:
            parts.append(f"temperature {self.temperature:g}")
        return ", ".join(parts) or "as it is"

    def of(self, persona: Persona) -> Persona:
        """The persona in this manner."""
        changed: dict[str, Any] = {"personality": persona.personality.model_copy(update=self.traits)}
        if self.temperature is not None:
            changed["temperature"] = self.temperature
        return persona.model_copy(update=changed)


class SimulatedTalk(BaseModel):
    """Who talks to the persona, if the cases are the rounds of a talk."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    """The model that plays the user."""
    goal: str
    """Who the user is and what they want, for its model."""


class RunOptions(BaseModel):
    """Everything is optional; the default is a plain run of a suite."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pairwise: str = ""
    """The question by which a judge compares each reply with another one; "" compares none."""
    against: str = ""
    """The run to compare replies with; "" compares with the cases' references."""
    course: Literal["recorded", "own"] = "recorded"
    """Of a replay: after the recorded messages, or after its own replies."""
    earlier: Mapping[int, Mapping[int, int]] = Field(default_factory=dict)
    """By case: which earlier turns are replies to other cases of this run, and to which."""
    notes: Mapping[int, tuple[str, ...]] = Field(default_factory=dict)
    """By case: what a reader must know about it."""
    lore: Mapping[int, tuple[str, ...]] = Field(default_factory=dict)
    """By case: the lore that was included when its reference was recorded."""

    manners: tuple[Manner, ...] = ()
    """By case: the manner in which the persona answers; empty if it is its own in all of them."""

    recorded: bool = False
    """Whether the replies exist already, as the cases' references, and none is requested."""
    places: Mapping[int, tuple[int, int]] = Field(default_factory=dict)
    """By case: the number of its conversation, and of the reply in it."""
    answered_by: Mapping[int, str] = Field(default_factory=dict)
    """By case: the provider and model of a recorded reply."""

    talk: SimulatedTalk | None = None
    """Who says what the cases leave open."""

    def persona_for(self, number: int, persona: Persona) -> Persona:
        """The persona that answers a case."""
        return self.manners[number].of(persona) if self.manners else persona

    def first_of(self, number: int) -> int:
        """The case that begins the sequence a case belongs to."""
        while earlier := self.earlier.get(number):
            number = min(earlier.values())
        return number

    def as_record(self) -> dict[str, Any] | None:
        return self.model_dump(mode="json", exclude_defaults=True) or None

    @classmethod
    def from_record(cls, value: Any) -> Self:
        """The options of a row; invalid ones are those of a plain run."""
        try:
            return cls.model_validate(value or {})
        except ValidationError:
            return cls()


PLAIN_RUN = RunOptions()


def kind_of(suite_etag: str) -> RunKind:
    """The kind of a run by its stamp."""
    return next((kind for kind in EXPERIMENTS if kind == suite_etag), "suite")
