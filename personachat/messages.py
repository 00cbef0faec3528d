"""Plain values that the parts exchange: messages, usage and the events of a reply.

Values have no ids and do no work. A reply's events come in this order: one Started, then any number of
Noticed, ReasoningDelta, TextDelta or Rethought, at most one UsageReported, then exactly one Finished or
Failed. If a reply is continued, or the provider was asked again after a pause, another Started comes where
the rest begins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from personachat.errors import PersonaChatError
from personachat.request_context import current_request

Role = Literal["system", "user", "assistant"]

FinishReason = Literal["stop", "length", "content_filter", "refusal", "stopped", "tool_calls"]
"""Why a reply ended without an error. "stopped" means by the user; unknown reasons count as "stop".

"tool_calls" comes only if the request offered tools.
"""


TurnState = Literal["running", "paused", "stopped", "finished", "failed", "interrupted"]
"""The state of a reply. The text that arrived is kept in each; "interrupted" means its process died."""

LIVE_STATES: frozenset[TurnState] = frozenset({"running", "paused"})

MEASURABLE_SECONDS = 0.05
"""Seconds. A shorter time says nothing about a model's speed."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as a provider gets it."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None if it reported none."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Prompt tokens that were read from a cache, at a lower price."""
    reasoning_tokens: int | None = None
    """Completion tokens that were reasoning."""

    def plus(self, other: Usage) -> Usage:
        """The sum of both. A count that neither has stays None."""
        return Usage(
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
        )


@dataclass(frozen=True, slots=True)
class Started:
    """The provider accepted the request; `model` is the one that answers."""

    provider: str
    model: str
    sent: Mapping[str, Any] | None = field(default=None, compare=False)
    """The accepted request as it was sent, without model and messages. None if nothing was adapted."""
    form: int = field(default=0, compare=False)
    """The form of its messages, as numbered by the provider; 0 is the plain one."""
    retries: int = field(default=0, compare=False)
    """How many requests failed before; counted, but not shown to those who follow the reply."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text that one read from the provider added: never empty, no NUL, no lone surrogates."""

    content: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    content: str


@dataclass(frozen=True, slots=True)
class Rethought:
    """All text since the last Started was reasoning: the model only now ended its thoughts."""


@dataclass(frozen=True, slots=True)
class ToolCallsDelta:
    """Pieces of tool calls as they are on the wire; only if the request offered tools.

    Each piece names its call by its `index`, from 0, and no two belong to the same call. The first piece of a
    call has its id and its name.
    """

    calls: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something worth knowing that isn't an error: turns dropped, a parameter left out."""

    message: str
    memory_from: int | None = None
    """From now on turns are sent from this depth on; None if that didn't change."""
    summary: str = ""
    """The summary sent instead of the turns before; "" if they were dropped."""
    left_out: int = 0
    """How many messages the engine dropped since its last notice. `replies` turns it into `memory_from`."""


@dataclass(frozen=True, slots=True)
class UsageReported:
    usage: Usage
    cost_usd: float | None = None
    """None if no price is known."""


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinishReason
    retries: int = field(default=0, compare=False)
    """How many requests failed before the last one."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The reply ended with an error; `code` is a PersonaChatError's, `message` and `hint` are sentences."""

    code: str
    message: str
    hint: str = ""
    retry_after_seconds: float | None = None
    retries: int = field(default=0, compare=False)
    """How many requests failed before the last one."""
    request_id: str = field(default="", compare=False)
    """The id of the request, as in the log."""

    @classmethod
    def of(cls, error: PersonaChatError, *, retries: int = 0) -> Failed:
        return cls(
            error.code, str(error), error.hint, error.retry_after_seconds, retries, current_request.get().id
        )

    def as_record(self) -> dict[str, Any]:
        """The form in which it is stored with the reply and exported."""
        record = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retry_after_seconds": self.retry_after_seconds,
        }
        return record | ({"request_id": self.request_id} if self.request_id else {})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Failed:
        """Read what `as_record` returned. Values that are missing or invalid count as not given."""
        names = ("code", "message", "hint", "request_id")
        values: dict[str, Any] = {
            "code": "stream_failed",
            "message": "The reply failed. It isn't known why.",
        }
        values |= {name: word for name in names if isinstance(word := record.get(name), str)}
        seconds = record.get("retry_after_seconds")
        if isinstance(seconds, int | float) and math.isfinite(seconds):
            values["retry_after_seconds"] = seconds
        return cls(**values)


ReplyEvent: TypeAlias = (
    Started
    | TextDelta
    | ReasoningDelta
    | Rethought
    | ToolCallsDelta
    | Noticed
    | UsageReported
    | Finished
    | Failed
)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def writing_speed(
    tokens: int, *, first_token_seconds: float | None, duration_seconds: float | None
) -> float | None:
    """Tokens per second after the first one; None if that says nothing about the model."""
    if first_token_seconds is None or duration_seconds is None:
        return None
    writing = duration_seconds - first_token_seconds
    return (tokens - 1) / writing if tokens > 1 and writing > MEASURABLE_SECONDS else None


def storable(text: str) -> str:
    """The text with U+FFFD for what no database or UTF-8 file can hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
