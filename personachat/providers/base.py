"""What every provider does: take a ChatRequest, stream ReplyEvents, list its models.

A provider only speaks its wire: it translates what comes into events and what goes wrong into one
ProviderError. Time limits, retries, trimming and the exactly-one-end rule are the engine's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from personachat.messages import (
    ChatMessage,
    Finished,
    Noticed,
    ReasoningDelta,
    Rethought,
    Started,
    TextDelta,
    ToolCallsDelta,
    UsageReported,
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request, before any wire.

    The first `pinned` messages and the last `kept_last` are never dropped to save room.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    pinned: int = 0
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    kept_last: int = 1
    as_sent: tuple[Mapping[str, Any], ...] = ()
    """Messages after the others, as they are on the wire: with pictures, calls of tools, their results."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further parameters, as they are on the wire.

    A provider that does not `pass on` takes no message `as_sent`, and of these only what it `takes`.
    """


ProviderEvent: TypeAlias = (
    Started | TextDelta | ReasoningDelta | Rethought | ToolCallsDelta | Noticed | UsageReported | Finished
)


class Provider(Protocol):
    """Bound to the engine's event loop after its first call; use it from no other."""

    @property
    def name(self) -> str:
        """What stands before the slash in `name/model`: "openai", "local" or a configured name."""

    @property
    def prefills(self) -> bool:
        """Whether a final message of the assistant's is gone on with, rather than answered."""

    @property
    def passes_on(self) -> bool:
        """Whether it takes what a ChatRequest holds `as_sent` and `more`: tools, formats, seeds."""

    @property
    def takes(self) -> frozenset[str]:
        """Which further parameters it takes, where it does not take all."""

    @property
    def base_url(self) -> str | None:
        """Where requests go, "***" for what may be a secret; None if the model is in this process."""

    @property
    def wants_key(self) -> bool:
        """Whether requests carry a key."""

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The JSON of a request exactly as it would be sent now. Holds no key."""

    def window_tokens(self, model: str) -> int | None:
        """How many tokens a model takes in, reply included; None if that has not been said."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
        """Stream one reply: Started first, Finished last; UsageReported may come before Finished.

        Raises a ProviderError for whatever ends it otherwise, and a ReplyTruncated where the stream
        just stops. Closing the generator ends the request upstream at once.
        """

    async def models(self) -> tuple[str, ...]:
        """Names of the models this provider has, as far as it says. Raises ProviderError."""

    async def warm_up(self) -> None:
        """Do what the first reply would wait for, without asking anybody. Raises ProviderError."""

    async def aclose(self) -> None: ...
