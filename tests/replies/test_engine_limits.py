"""How long a reply may take to begin, to go on and to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from personachat.messages import Failed, Finished, TextDelta
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.replies.engine import ReplyLimits, reply
from tests.fake_provider import FakeProvider, Hang, Repeat, Reply, chunk, hang, raw, sse, tokens
from tests.replies.conftest import LONG, REQUEST, STARTED, Scripted, end_of, events_of

pytestmark = pytest.mark.anyio

KEEP_ALIVE = Repeat(b": keep-alive\n\n", every_seconds=0.005)
NOTHING = Repeat(sse(chunk({"content": ""})), every_seconds=0.005)


@pytest.mark.parametrize("silent", [hang(), raw(Hang()), raw(KEEP_ALIVE), raw(NOTHING)])
async def test_a_first_token_that_does_not_come_fails_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, silent: Reply
) -> None:
    fake.enqueue(tokens(["at first"]), silent)
    await end_of(provider, limits=LONG)  # the first request of a process has the client loaded
    end = await end_of(provider, limits=ReplyLimits(0.5, 60, 600))
    assert isinstance(end, Failed)
    assert end.code == "first_token_timeout"
    assert "0.5 seconds" in end.message
    assert len(fake.chats) == 2
    assert await asyncio.to_thread(fake.wait_for_disconnect)


@pytest.mark.parametrize("silent", [Hang(), KEEP_ALIVE, NOTHING])
async def test_a_gap_between_tokens_fails_the_reply_and_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider, silent: Any
) -> None:
    fake.enqueue(tokens(["kept", silent]))
    seen = await events_of(provider, limits=ReplyLimits(60, 0.5, 600))
    assert seen[1] == TextDelta("kept")
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "idle_timeout"
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_a_reply_that_takes_too_long_fails_and_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens([Repeat(sse(chunk("x")), every_seconds=0.005)]))
    seen = await events_of(provider, limits=ReplyLimits(60, 60, 1))
    assert TextDelta("x") in seen
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "reply_timeout"
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_tokens_that_keep_coming_are_never_idle(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    stream = reply(provider, REQUEST, limits=ReplyLimits(60, 1, 600))
    fake.enqueue(tokens([Repeat(sse(chunk("x")), every_seconds=0.02)]))
    loop = asyncio.get_running_loop()
    until = loop.time() + 1.5
    async with aclosing(stream) as seen:
        async for event in seen:
            assert not isinstance(event, Failed)
            if loop.time() > until:
                break


async def test_a_slow_consumer_is_not_the_providers_fault() -> None:
    script: list[Any] = [STARTED, TextDelta("a"), TextDelta("b"), Finished("stop")]
    seen = []
    async for event in reply(Scripted(script), REQUEST, limits=ReplyLimits(0.02, 0.02, 600)):
        seen.append(event)
        await asyncio.sleep(0.05)  # the slowness itself
    assert seen == script


@pytest.mark.parametrize(
    "limits", [ReplyLimits(0.5, 60, 60), ReplyLimits(60, 0.5, 60), ReplyLimits(60, 60, 0.5)]
)
async def test_the_time_an_event_is_held_counts_against_no_limit(limits: ReplyLimits) -> None:
    class Yielding(Scripted):
        """A provider whose events do not come without a turn of the loop: a limit that is over would hit."""

        async def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
            async for event in super().stream(request):
                await asyncio.sleep(0)
                yield event

    script: list[Any] = [STARTED, TextDelta("a"), Finished("stop")]
    seen = []
    async for event in reply(Yielding(script), REQUEST, limits=limits):
        seen.append(event)
        await asyncio.sleep(0.6)  # the pause itself
    assert seen == script


async def test_a_provider_that_falls_silent_after_a_pause_still_fails(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a", Hang()]))
    seen = []
    async with aclosing(reply(provider, REQUEST, limits=ReplyLimits(60, 0.3, 600))) as events:
        async for event in events:
            seen.append(event)
            if event == TextDelta("a"):
                await asyncio.sleep(0.4)  # the pause itself
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "idle_timeout"
