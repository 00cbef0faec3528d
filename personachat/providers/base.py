"""The interface of every provider: take a ChatRequest, stream ReplyEvents, list the models.

A provider only translates: what comes in becomes events, and any failure becomes one ProviderError. Time
limits, retries, trimming and the rule of exactly one end belong to the engine.
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
    """One request, independent of the protocol.

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
    """Messages after the others, as they are on the wire: with pictures, tool calls, tool results."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further parameters, as they are on the wire.

    A provider that doesn't pass on everything accepts no message `as_sent`, and only those of these that it
    `takes`.
    """


ProviderEvent: TypeAlias = (
    Started | TextDelta | ReasoningDelta | Rethought | ToolCallsDelta | Noticed | UsageReported | Finished
)


class Provider(Protocol):
    """Belongs to the engine's event loop after its first call; use it on no other."""

    @property
    def name(self) -> str:
        """What stands before the slash in `name/model`: "openai", "local" or a configured name."""

    @property
    def prefills(self) -> bool:
        """Whether a final message of the assistant's is continued rather than answered."""

    @property
    def passes_on(self) -> bool:
        """Whether it accepts what a ChatRequest has in `as_sent` and `more`: tools, formats, seeds."""

    @property
    def takes(self) -> frozenset[str]:
        """Further parameters it accepts, if not all."""

    @property
    def base_url(self) -> str | None:
        """Where requests go, with "***" for what may be a secret; None if the model is local."""

    @property
    def wants_key(self) -> bool:
        """Whether requests carry a key."""

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The JSON of a request exactly as it would be sent now. Never contains a key."""

    def window_tokens(self, model: str) -> int | None:
        """How many tokens a model accepts, reply included; None if unknown."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
        """Stream one reply: Started first, Finished last; UsageReported may come before Finished.

        Raises a ProviderError if it ends in any other way, and ReplyTruncated if the stream just stops.
        Closing the generator ends the request to the provider at once.
        """

    async def models(self) -> tuple[str, ...]:
        """The names of the models this provider lists. Raises ProviderError."""

    async def warm_up(self) -> None:
        """Prepare what the first reply would wait for, without any request. Raises ProviderError."""

    async def aclose(self) -> None: ...
