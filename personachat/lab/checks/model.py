"""The input and the result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal["pass", "fail", "error"]

Spans: TypeAlias = tuple[tuple[int, int], ...]
"""Places in the reply's text: start and end of each."""

MOST_SPANS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReply:
    """A reply and what is known about it; None is unknown."""

    text: str
    system_prompt: str = ""
    asked: str = ""
    """The person's last message."""
    tokens: int | None = None
    seconds: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's finding as a sentence, and its places."""

    outcome: Outcome
    found: str
    where: Spans = ()

    @classmethod
    def of(cls, passed: bool, explanation: str, where: Spans = ()) -> Finding:  # noqa: FBT001  # it is the outcome
        return cls("pass" if passed else "fail", explanation, where[:MOST_SPANS])


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of a suite and its finding. `wanted` is as in the suite."""

    kind: str
    wanted: Any
    finding: Finding

    @property
    def outcome(self) -> Outcome:
        return self.finding.outcome

    def as_record(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "wanted": self.wanted,
            "outcome": self.finding.outcome,
            "found": self.finding.found,
            "where": [list(span) for span in self.finding.where],
        }

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> CheckResult:
        where = tuple((start, end) for start, end in value["where"])
        return cls(value["kind"], value["wanted"], Finding(value["outcome"], value["found"], where))
