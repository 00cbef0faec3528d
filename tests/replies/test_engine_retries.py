"""What is tried again, how often, and what never is."""

from __future__ import annotations

import asyncio

import pytest

from personachat.errors import ProviderUnavailable
from personachat.messages import Failed, Finished, Started, TextDelta
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.replies.engine import ReplyLimits
from tests.fake_provider import (
    DONE,
    FakeProvider,
    Reply,
    Reset,
    chunk,
    events,
    failure,
    raw,
    reset,
    sse,
    status,
    tokens,
)
from tests.replies.conftest import Scripted, end_of, events_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "trouble", [reset(), status(500), status(503), raw(Reset()), events(chunk(""), Reset())]
)
async def test_a_momentary_trouble_before_the_first_token_is_tried_again(
    fake: FakeProvider, provider: OpenAICompatibleProvider, trouble: Reply
) -> None:
    fake.enqueue(trouble, trouble, tokens(["there"], usage=None))
    seen = await events_of(provider)
    assert seen == [Started("acme", "gpt-x"), TextDelta("there"), Finished("stop")]
    assert len(fake.chats) == 3


async def test_it_is_tried_again_twice_and_no_more(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(*[failure(500, "boom")] * 5)
    end = await end_of(provider)
    assert isinstance(end, Failed)
    assert end.code == "provider_fault"
    assert len(fake.chats) == 3


async def test_nothing_is_tried_again_after_a_token(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(raw(sse(chunk({"reasoning": "hm"})), Reset()))
    end = await end_of(provider)
    assert isinstance(end, Failed)
    assert end.code == "connection_lost"
    assert len(fake.chats) == 1


@pytest.mark.parametrize(
    "final",
    [failure(401, "no"), failure(400, "no"), failure(429, "no", error_code="insufficient_quota"), raw(DONE)],
)
async def test_what_would_only_fail_again_is_not_tried_again(
    fake: FakeProvider, provider: OpenAICompatibleProvider, final: Reply
) -> None:
    fake.enqueue(final)
    assert isinstance(await end_of(provider), Failed)
    assert len(fake.chats) == 1


async def test_a_short_rate_limit_is_waited_for(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(status(429, {"Retry-After-Ms": "80"}), tokens(["there"]))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await end_of(provider) == Finished("stop")
    assert loop.time() - begun >= 0.08


@pytest.mark.parametrize("code", [429, 503])
async def test_a_long_wait_is_told_and_not_waited_for(
    fake: FakeProvider, provider: OpenAICompatibleProvider, code: int
) -> None:
    fake.enqueue(status(code, {"Retry-After": "3600"}))
    end = await end_of(provider)
    assert isinstance(end, Failed)
    assert end.retry_after_seconds == 3600
    assert "60 minutes" in end.hint
    assert len(fake.chats) == 1


async def test_no_try_begins_after_the_replys_own_limit() -> None:
    provider = Scripted([ProviderUnavailable("Down.")])
    assert await events_of(provider, limits=ReplyLimits(60, 60, 5), delays=(9,)) == [
        Failed("provider_unavailable", "Down.")
    ]
