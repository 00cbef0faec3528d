"""What every provider does: take a ChatRequest, stream ReplyEvents, list its models.

A provider only speaks its wire: it translates what comes into events and what goes wrong into one
ProviderError. Time limits, retries, trimming and the exactly-one-end rule are the engine's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from personachat.messages import (
    ChatMessage,
    Finished,
    Noticed,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageReported,
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request, before any wire. The first `pinned` messages are never dropped to save room."""

    model: str
    messages: tuple[ChatMessage, ...]
    pinned: int = 0
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()


ProviderEvent: TypeAlias = Started | TextDelta | ReasoningDelta | Noticed | UsageReported | Finished


class Provider(Protocol):
    """Bound to the engine's event loop after its first call; use it from no other."""

    @property
    def name(self) -> str:
        """What stands before the slash in `name/model`: "openai", "local" or a configured name."""

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
