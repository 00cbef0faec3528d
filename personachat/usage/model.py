"""What is known of one call of a model: who asked and what for, what it took, how it ended.

It holds no text, unless the operator asks for that. None is what is not known, never 0.
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
    """Who asks, what for, and whom. "" if there is none."""

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
    """An estimate, for where the provider will count nothing."""
    most_tokens: int | None = None
    """How long the reply may become."""


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """What one request took: as the provider counted, and an estimate of what it brought."""

    usage: Usage | None
    estimated_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """A call as it is at one moment. `requests` are those that a model took, the last one last."""

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
    """A call that has begun. `counted` is asked off the reply's path, until `over` and once after that."""

    origin: Origin
    counted: Callable[[], CallSnapshot]
    id: str = field(default_factory=new_id)
    began_at: datetime = field(default_factory=now)
    request: RequestContext = field(default_factory=current_or_new)
    """Which request it is made for."""
    ended_at: datetime | None = None
    over: bool = False
    words: Words | None = None
    """Only where somebody asked for them, and until its end is told."""


class CallRecorder(Protocol):
    """Where calls are noted. Nothing here waits for a database."""

    def begin(self, origin: Origin, counted: Callable[[], CallSnapshot]) -> Call:
        """A call begins; `counted` says at any time, on any thread, how far it is."""

    async def admit(self, call: Call) -> None:
        """To be asked of a call that has begun, before its provider is. Raises BudgetExceeded."""

    def end(self, call: Call) -> None:
        """It has ended; nothing happens where that was said before."""


class Admission(Protocol):
    """Who says whether a call may be made at all."""

    @property
    def may_refuse(self) -> bool:
        """Whether there is anything to ask; asks nobody."""

    def admit(self, call: Call) -> None:
        """Asks the database, so not on an event loop. Raises BudgetExceeded."""


class Observer(Protocol):
    """Who is told of every call that has ended in this process, once and off the reply's path."""

    def ended(self, call: Call, row: Mapping[str, Any]) -> None:
        """`row` is the ledger's, without whose it is."""

    def close(self) -> None:
        """Nothing comes after this."""


class Unrecorded:
    """Calls that nobody keeps."""

    def begin(self, origin: Origin, counted: Callable[[], CallSnapshot]) -> Call:
        return Call(origin, counted)

    async def admit(self, call: Call) -> None:
        """Nobody says no."""

    def end(self, call: Call) -> None:
        call.over = True
