"""Providers for the engine, one with a script and one on loopback, and the replies it makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from personachat.messages import ChatMessage, Failed, Finished, ReplyEvent, Started
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.registry import ProviderRegistry
from personachat.replies.engine import ReplyLimits, reply
from personachat.replies.planner import ReplyPlanner
from personachat.settings import Settings
from tests.fake_provider import FakeProvider
from tests.replies.planning import KEY

LONG = ReplyLimits(60, 60, 600)
REQUEST = ChatRequest("gpt-x", (ChatMessage("user", "Hello"),))
STARTED = Started("scripted", "gpt-x")


class Scripted:
    """A provider whose tries follow a script: events are given out, errors raised, "wait" waits for ever."""

    name = "scripted"
    prefills = False
    passes_on = True
    takes: frozenset[str] = frozenset()
    base_url = None
    wants_key = False

    def __init__(self, *tries: Sequence[ProviderEvent | BaseException | str]) -> None:
        self.tries = list(tries)
        self.requests: list[ChatRequest] = []
        self.closed = 0
        self.closing = asyncio.Event()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
        self.requests.append(request)
        try:
            for step in self.tries.pop(0):
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, str):
                    await asyncio.Event().wait()
                else:
                    yield step
        finally:
            self.closed += 1
            self.closing.set()

    async def models(self) -> tuple[str, ...]:
        return ()

    def body(self, request: ChatRequest) -> dict[str, Any]:
        return {"model": request.model}

    def window_tokens(self, model: str) -> int | None:
        return None

    async def warm_up(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


async def events_of(
    provider: Any,
    request: ChatRequest = REQUEST,
    *,
    limits: ReplyLimits = LONG,
    delays: tuple[float, ...] = (0, 0),
) -> list[ReplyEvent]:
    """All events of a reply, which must keep their order: Started first if at all, one end, and that last."""
    seen = [event async for event in reply(provider, request, limits=limits, retry_delays_seconds=delays)]
    assert [isinstance(event, (Finished, Failed)) for event in seen] == [False] * (len(seen) - 1) + [True]
    assert not any(isinstance(event, Started) for event in seen[1:])
    assert isinstance(seen[0], (Started, Failed))
    return seen


async def end_of(provider: Any, **more: Any) -> Finished | Failed:
    last = (await events_of(provider, **more))[-1]
    assert isinstance(last, (Finished, Failed))
    return last


@pytest.fixture
async def provider(fake: FakeProvider) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider(
        "acme", base_url=fake.base_url, api_key=SecretStr("sk-secret-of-the-engine")
    )
    yield made
    await made.aclose()


@pytest.fixture
async def make(fake: FakeProvider) -> AsyncGenerator[Callable[..., ReplyPlanner]]:
    """Makes planners that ask the provider on loopback; settings by name."""
    registries: list[ProviderRegistry] = []

    def made(**settings: Any) -> ReplyPlanner:
        explicit = {"openai_base_url": fake.base_url, "openai_api_key": KEY}
        registries.append(ProviderRegistry(Settings.model_validate(explicit | settings)))
        return ReplyPlanner(registries[-1], limits=ReplyLimits())

    yield made
    for registry in registries:
        await registry.aclose()


@pytest.fixture
def replies(make: Callable[..., ReplyPlanner]) -> ReplyPlanner:
    return make()
