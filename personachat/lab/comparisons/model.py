"""A comparison: variants, rounds of one message to all of them, and votes. Values without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from personachat.messages import TurnState

Verdict: TypeAlias = Literal["win", "tie", "both_bad"]

AnswerState: TypeAlias = TurnState | Literal["missing"]
"""A reply is missing if it couldn't be started or its conversation is gone."""

ListState: TypeAlias = Literal["sending", "stopped"]

MOST_VARIANTS = 8
MOST_SAMPLES = 4
MOST_ROUNDS = 200
LETTERS = "ABCDEFGH"
TRAITS = ("tone", "style", "formality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A requested variant; None and "" mean the persona's own.

    `text` is the JSON of a draft, which answers instead of the saved version; `revision` is an earlier
    version.
    """

    persona_id: str
    revision: int | None = None
    text: str | None = None
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    tone: str | None = None
    style: str | None = None
    formality: str | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One column. `text` is the persona's JSON with all choices; it never changes.

    Samples of one setup have the same `group`.
    """

    id: str
    number: int
    group: int
    name: str
    persona_id: str
    etag: str
    text: str
    model: str
    setup: Mapping[str, Any]
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """`winner` is a variant's id. A vote that isn't `counted` says why."""

    verdict: Verdict
    winner: str | None
    counted: bool
    why_not: str
    voted_at: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """One message. `shown` are the variants' ids in the order of the columns.

    `asked` has the id of the message as a turn in each variant's conversation.
    """

    id: str
    number: int
    message: str
    shown: tuple[str, ...]
    asked: Mapping[str, str]
    revealed: bool = False
    vote: Vote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    id: str
    owner: str
    title: str
    blind: bool
    created_at: datetime
    updated_at: datetime
    variants: tuple[Variant, ...] = ()
    rounds: tuple[Round, ...] = ()
    waiting: tuple[str, ...] = ()
    """Messages of a list that are still to be sent, next one first."""
    most_cost_usd: float | None = None
    """No call is made that could cost more; None is no limit."""
    list_state: ListState | None = None
    """Whether the messages that wait are sent one after another, or that was stopped; None is neither."""
    list_notice: str = ""
    """Why it was stopped; "" if the owner did it."""
    list_sending_id: str = ""
    """The id of the current sending; "" if there is none."""

    def variant(self, variant_id: str) -> Variant:
        return next(each for each in self.variants if each.id == variant_id)

    @property
    def hidden(self) -> bool:
        """Whether replies wait for a blind vote, so that nobody may learn who wrote what."""
        return self.blind and any(not each.revealed for each in self.rounds)


@dataclass(frozen=True, slots=True)
class ListedComparison:
    """A comparison in a list."""

    id: str
    title: str
    blind: bool
    rounds: int
    votes: int
    created_at: datetime
    updated_at: datetime = field(compare=False)
