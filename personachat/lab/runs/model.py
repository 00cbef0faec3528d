"""A run of a suite, and its cells: one reply of one case each, with the results of the checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from personachat.lab.checks.model import CheckResult, Outcome
from personachat.lab.runs.options import PLAIN_RUN, RunKind, RunOptions, kind_of
from personachat.usage.model import Surface

RunState: TypeAlias = Literal["running", "finished", "cancelled", "limit", "interrupted"]
"""limit: it stopped before it could cost more than allowed. interrupted: its process died."""


_IF_ANY = ("asked", "user_model", "system", "memory_from", "over", "unpriced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is run, with everything a result depends on."""

    id: str
    owner: str
    persona_id: str
    persona_revision: str
    persona_text: str
    suite_etag: str
    suite_text: str
    model: str
    """As requested, before it was resolved."""
    judge: str
    """The model that judges; "" if none is set or needed."""
    repeat: int | None
    planned: int
    """How many cells there are to be."""
    most_cost_usd: float | None
    surface: Surface
    state: RunState
    began_at: datetime
    ended_at: datetime | None = None
    process_id: str = ""
    options: RunOptions = PLAIN_RUN

    @property
    def kind(self) -> RunKind:
        return kind_of(self.suite_etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One reply of a case. An error is neither pass nor fail; its text is what came before it."""

    case_number: int
    attempt: int
    outcome: Outcome
    reply: str
    provider: str = ""
    model: str = ""
    reason: str = ""
    """Why this model answered, if it isn't the requested one."""
    error: str = ""
    error_code: str = ""
    retried: bool = False
    finish_reason: str = ""
    tokens: int | None = None
    seconds: float | None = None
    cost_usd: float | None = None
    """Includes the judge's cost, as far as it is known."""
    unpriced: bool = False
    """Whether a call was made whose price is unknown."""
    results: tuple[CheckResult, ...] = ()
    judged: tuple[JudgedAnswer, ...] = field(default=())
    pair: PairVerdict | None = None
    """A judge's comparison of this reply with another one, if they are compared."""
    lore: tuple[str, ...] = ()
    """The lore that was included."""
    asked: str = ""
    """The simulated user's message."""
    user_model: str = ""
    """The provider and model that played the user."""
    system: str = ""
    """The persona's system message, in a talk with a simulated user."""
    memory_from: int = 0
    """How many earlier turns of such a talk no longer fit."""
    over: str = ""
    """Why such a talk ended with this round; "" if it could continue."""

    def as_record(self) -> dict[str, Any]:
        """What is stored besides the columns."""
        names = ("provider", "model", "reason", "error", "error_code", "retried", "finish_reason")
        record: dict[str, Any] = {name: getattr(self, name) for name in (*names, "tokens", "seconds")}
        record["results"] = [result.as_record() for result in self.results]
        record["judged"] = [answer.as_record() for answer in self.judged]
        if self.pair:
            record["pair"] = asdict(self.pair)
        for name in _IF_ANY:
            if value := getattr(self, name):
                record[name] = value
        if self.lore:
            record["lore"] = list(self.lore)
        return record

    @classmethod
    def from_record(
        cls, case_number: int, attempt: int, outcome: Outcome, *, reply: str, cost: float | None, record: Any
    ) -> Cell:
        """The cell of a row; if its record is invalid, an error that says so."""
        columns: dict[str, Any] = {
            "case_number": case_number,
            "attempt": attempt,
            "outcome": outcome,
            "reply": reply,
            "cost_usd": cost,
        }
        try:
            results = [CheckResult.from_record(each) for each in record["results"]]
            return _CELL.validate_python({**record, "results": results, **columns})
        except (ValueError, TypeError, LookupError, AttributeError):
            columns |= {"outcome": "error", "error": "What is stored of it can't be read."}
            return _CELL.validate_python(columns)


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A judge's verdict on a reply. `verdict` is the answer to the question; None if there is none."""

    question: str
    expect: bool
    judge: str
    """The provider and the model that answered."""
    verdict: bool | None
    reason: str = ""
    quote: str = ""
    trouble: str = ""
    """Why there is no verdict."""
    warning: str = ""

    def as_record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


Preference: TypeAlias = Literal["before", "after", "tie"]


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """Which of two replies a judge prefers, asked in both orders. `verdict` is None if there is none."""

    question: str
    judge: str
    """The provider and the model that answered; "" if no call was necessary."""
    verdict: Preference | None
    answers: tuple[Preference, ...] = ()
    """Its reasons: once with the earlier reply first, once with the later one first."""
    reasons: tuple[str, ...] = ()
    trouble: str = ""
    warning: str = ""

    @property
    def flipped(self) -> bool:
        """Whether the order of the replies changed the answer."""
        return len(set(self.answers)) > 1


_CELL = TypeAdapter(Cell)
