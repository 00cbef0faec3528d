"""The facts about one model call: who asked and why, what it used, how it ended.

It contains no text, unless the operator asks for that. An unknown value is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from personachat.messages import TurnState, Usage
from personachat.request_context import RequestContext, current_or_new
from personachat.stamps import new_id, now
from personachat.usage.words import Words

Purpose: TypeAlias = Literal[
    "chat", "temporary", "try_out", "drafting", "summary", "comparison", "test", "judge", "simulated_user"
]
Surface: TypeAlias = Literal["page", "api", "v1_chat", "v1_responses", "mcp", "cli"]
Outcome: TypeAlias = Literal["running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks whom, and what for. "" if there is none."""

    owner: str = ""
    purpose: Purpose = "chat"
    surface: Surface = "page"
    persona_id: str = ""
    persona_revision: str = ""
    model_asked: str = ""
    """As the persona or the caller names it, before it was resolved."""
    conversation_id: str = ""
    turn_id: str = ""
    comparison_id: str = ""
    """The comparison that the reply is for."""
    prompt_tokens: int | None = None
    """An estimate, in case the provider reports no count."""
    most_tokens: int | None = None
    """The most tokens of the reply."""


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """What one request used, as counted by the provider, and an estimate of what it returned."""

    usage: Usage | None
    estimated_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """A call at one moment. `requests` are those that a model accepted, latest last."""

    provider: str
    model: str
    state: TurnState
    finish_reason: str | None
    error_code: str | None
    retries: int
    first_token_seconds: float | None
    duration_seconds: float | None
    requests: tuple[RequestUsage, ...]


@dataclass(slots=True, eq=False)
class Call:
    """A call that has begun.

    `counted` is called outside the reply's path until `over`, and once after that.
    """

    origin: Origin
    counted: Callable[[], CallSnapshot]
    id: str = field(default_factory=new_id)
    began_at: datetime = field(default_factory=now)
    request: RequestContext = field(default_factory=current_or_new)
    """The id of the request it is made for."""
    ended_at: datetime | None = None
    over: bool = False
    words: Words | None = None
    """Only if someone asked for them, until its end is reported."""


class CallRecorder(Protocol):
    """Where calls are recorded. Nothing here waits for a database."""

    def begin(self, origin: Origin, counted: Callable[[], CallSnapshot]) -> Call:
        """A call begins; `counted` returns its current state, at any time and on any thread."""

    async def admit(self, call: Call) -> None:
        """Call it after a call has begun, before its provider is asked. Raises BudgetExceeded."""

    def end(self, call: Call) -> None:
        """It has ended; does nothing if that was said before."""


class Admission(Protocol):
    """Decides whether a call may be made at all."""

    @property
    def may_refuse(self) -> bool:
        """Whether there is anything to check; sends no query."""

    def admit(self, call: Call) -> None:
        """Queries the database, so don't call it on an event loop. Raises BudgetExceeded."""


class Observer(Protocol):
    """Gets every call that has ended in this process, once and outside the reply's path."""

    def ended(self, call: Call, row: Mapping[str, Any]) -> None:
        """`row` is the ledger's, without the owner."""

    def close(self) -> None:
        """No call follows this."""


class Unrecorded:
    """Records nothing."""

    def begin(self, origin: Origin, counted: Callable[[], CallSnapshot]) -> Call:
        return Call(origin, counted)

    async def admit(self, call: Call) -> None:
        """Admits every call."""

    def end(self, call: Call) -> None:
        call.over = True
