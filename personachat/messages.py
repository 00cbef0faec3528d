"""Pure values that travel between the parts: messages, usage and the events of a reply.

Values hold no ids and do no work. A reply's events come in this order: one Started, then any number
of Noticed, ReasoningDelta, TextDelta or Rethought, at most one UsageReported, then exactly one of Finished
and Failed, and nothing after it. Where a reply is continued, or the provider had to be asked again after a
pause, a further Started comes where the rest begins.
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

"tool_calls" comes only where the request offered tools.
"""


TurnState = Literal["running", "paused", "stopped", "finished", "failed", "interrupted"]
"""Of a reply. Text that arrived is kept in every one; "interrupted" means its process died."""

LIVE_STATES: frozenset[TurnState] = frozenset({"running", "paused"})

MEASURABLE_SECONDS = 0.05
"""What came within less says nothing about a model's speed."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as a provider gets it."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None if it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the prompt's, those that were read from a cache, for less money."""
    reasoning_tokens: int | None = None
    """Of the completion's, those that were thoughts."""

    def plus(self, other: Usage) -> Usage:
        """Both together; what neither counted is not known."""
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
    """The request as it was taken: on the wire, without model and messages. None if it is as asked."""
    form: int = field(default=0, compare=False)
    """The form of its messages, by the provider's count; 0 is the plain one."""
    retries: int = field(default=0, compare=False)
    """How many requests had failed before; it is counted, and told nobody who follows the reply."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """What one read from the provider added to the text: never empty, no NUL, no lone surrogates."""

    content: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    content: str


@dataclass(frozen=True, slots=True)
class Rethought:
    """All text since the last Started was reasoning: the model closed its thoughts only now."""


@dataclass(frozen=True, slots=True)
class ToolCallsDelta:
    """Pieces of calls of tools, as they are on the wire; only where the request offered tools.

    Each says by its `index`, from 0, to which call it belongs, and no two belong to the same one. The first
    of a call has its id and its name.
    """

    calls: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something the person should know that is no failure: turns dropped, a parameter left out."""

    message: str
    memory_from: int | None = None
    """From now on the model is told of the turns from this depth on; None if that did not change."""
    summary: str = ""
    """What it is told instead of the turns before; "" if they were dropped."""
    left_out: int = 0
    """Messages the engine left out since it last said so; `replies` makes `memory_from` of it."""


@dataclass(frozen=True, slots=True)
class UsageReported:
    usage: Usage
    cost_usd: float | None = None
    """None if no price is known."""


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinishReason
    retries: int = field(default=0, compare=False)
    """How many requests had failed before the one that this ends."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The reply ended with an error; `code` is a PersonaChatError's, `message` and `hint` are sentences."""

    code: str
    message: str
    hint: str = ""
    retry_after_seconds: float | None = None
    retries: int = field(default=0, compare=False)
    """How many requests had failed before the one that this ends."""
    request_id: str = field(default="", compare=False)
    """Which request it was; the log says the same."""

    @classmethod
    def of(cls, error: PersonaChatError, *, retries: int = 0) -> Failed:
        return cls(
            error.code, str(error), error.hint, error.retry_after_seconds, retries, current_request.get().id
        )

    def as_record(self) -> dict[str, Any]:
        """What is stored of it with the reply, and exported."""
        record = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retry_after_seconds": self.retry_after_seconds,
        }
        return record | ({"request_id": self.request_id} if self.request_id else {})

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Failed:
        """What `as_record` gave; what is missing there, or of another kind, is as if it wasn't said."""
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
    """How many tokens a second came after the first; None if that says nothing about the model."""
    if first_token_seconds is None or duration_seconds is None:
        return None
    writing = duration_seconds - first_token_seconds
    return (tokens - 1) / writing if tokens > 1 and writing > MEASURABLE_SECONDS else None


def storable(text: str) -> str:
    """The text with U+FFFD for what no database and no UTF-8 file can hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
