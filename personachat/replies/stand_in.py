"""A reply by the default model if the provider turns out not to have the requested one.

Nothing of the first request is passed on then, and there is no second stand-in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from personachat.errors import ModelNotFound
from personachat.messages import Failed, ReplyEvent, Started
from personachat.providers.registry import ModelChoice


class AskStandIn(Protocol):
    def __call__(self, stand_in: ModelChoice, *, retries: int) -> AsyncGenerator[ReplyEvent]:
        """Start the stand-in's reply after `retries` failed requests."""


async def with_stand_in(
    events: AsyncGenerator[ReplyEvent], *, find: Callable[[], ModelChoice | None], ask: AskStandIn
) -> AsyncGenerator[ReplyEvent]:
    """Pass on `events`, or the reply of the model that `find` returns if the first model is missing."""
    stand_in: ModelChoice | None = None
    accepted = False
    retries = 0
    async with aclosing(events):
        async for event in events:
            accepted = accepted or isinstance(event, Started)
            if isinstance(event, Failed) and event.code == ModelNotFound.code and not accepted:
                stand_in, retries = find(), event.retries + 1
            if stand_in is None:
                yield event
    if stand_in is not None:
        async with aclosing(ask(stand_in, retries=retries)) as coming:
            async for event in coming:
                yield event
