"""One reply and its exactly one end, whatever the provider or the listener does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from personachat.errors import (
    ApiKeyRefused,
    ConnectionLost,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    ReplyEmpty,
    StreamFailed,
)
from personachat.messages import Failed, Finished, Noticed, ReasoningDelta, TextDelta, Usage, UsageReported
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.replies import engine
from personachat.replies.engine import reply
from tests.fake_provider import FakeProvider, Hang, events, failure, raw, tokens
from tests.replies.conftest import LONG, REQUEST, STARTED, Scripted, events_of

pytestmark = pytest.mark.anyio


# --- one end --------------------------------------------------------------------------------------


async def test_a_good_reply_passes_unchanged() -> None:
    script: list[Any] = [
        STARTED,
        Noticed("n"),
        ReasoningDelta("r"),
        TextDelta("t"),
        UsageReported(Usage(1, 2)),
        Finished("stop"),
    ]
    assert await events_of(Scripted(script)) == script


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (ApiKeyRefused("No.", hint="Look."), Failed("api_key_refused", "No.", "Look.")),
        (QuotaExceeded("Empty."), Failed("quota_exceeded", "Empty.")),
        (ReplyEmpty("Nothing."), Failed("reply_empty", "Nothing.")),
        (RateLimited("Wait.", retry_after_seconds=90), Failed("rate_limited", "Wait.", "", 90)),
    ],
)
async def test_a_providers_error_is_the_reply_failing(error: ProviderError, failed: Failed) -> None:
    assert await events_of(Scripted([error])) == [failed]


async def test_text_that_came_stays_when_the_reply_fails() -> None:
    seen = await events_of(Scripted([STARTED, TextDelta("kept"), StreamFailed("Bang.")]))
    assert seen == [STARTED, TextDelta("kept"), Failed("stream_failed", "Bang.")]


@pytest.mark.parametrize("bug", [RuntimeError("sk-secret"), KeyError("sk-secret"), TimeoutError("sk-secret")])
async def test_a_providers_bug_is_an_internal_error_and_its_values_are_not_logged(
    bug: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    seen = await events_of(Scripted([STARTED, TextDelta("kept"), bug]))
    assert seen[:2] == [STARTED, TextDelta("kept")]
    assert isinstance(seen[2], Failed)
    assert seen[2].code == "internal_error"
    assert type(bug).__name__ in caplog.text
    assert "sk-secret" not in caplog.text + repr(seen)


async def test_a_provider_that_just_stops_is_truncated() -> None:
    assert (await events_of(Scripted([STARTED, TextDelta("a")])))[-1] == Failed(
        "reply_truncated", "scripted stopped unexpectedly.", "Try again."
    )


async def test_a_provider_that_goes_on_after_the_end_is_not_heard() -> None:
    script: list[Any] = [STARTED, TextDelta("a"), Finished("stop"), TextDelta("b"), Finished("stop")]
    provider = Scripted(script)
    assert await events_of(provider) == script[:3]
    assert provider.closed == 1


async def test_what_fails_after_the_end_does_not_undo_it() -> None:
    class Untidy(Scripted):
        async def stream(self, request: ChatRequest) -> AsyncGenerator[ProviderEvent]:
            try:
                async for event in super().stream(request):
                    yield event
            finally:
                raise ConnectionLost("while tidying up")

    assert await events_of(Untidy([STARTED, TextDelta("a"), Finished("stop")])) == [
        STARTED,
        TextDelta("a"),
        Finished("stop"),
    ]


async def test_started_is_said_for_a_provider_that_forgets_it() -> None:
    assert (await events_of(Scripted([TextDelta("a"), Finished("stop")])))[0] == STARTED


async def test_what_cannot_be_stored_is_replaced() -> None:
    script: list[Any] = [TextDelta("a\0b"), ReasoningDelta("\ud83d"), TextDelta("é😀"), Finished("stop")]
    assert (await events_of(Scripted([STARTED, *script])))[1:] == [
        TextDelta("a\ufffdb"),
        ReasoningDelta("\ufffd"),
        TextDelta("é😀"),
        Finished("stop"),
    ]


async def test_a_reply_that_never_stops_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LONGEST_REPLY_CHARACTERS", 10)
    seen = await events_of(Scripted([STARTED, TextDelta("x" * 8), TextDelta("x" * 8)]))
    assert seen[:2] == [STARTED, TextDelta("x" * 8)]
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "broken_stream"


# --- leaving --------------------------------------------------------------------------------------


async def test_cancelling_passes_through_and_ends_the_request(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a", Hang()]))
    task = asyncio.create_task(events_of(provider))
    await asyncio.to_thread(fake.wait_for_chats)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_closing_the_reply_ends_the_request_at_once(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a", Hang()]))
    async with aclosing(reply(provider, REQUEST, limits=LONG)) as seen:
        while not isinstance(await anext(seen), TextDelta):
            pass
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_cancelling_while_waiting_for_the_next_try_passes_through() -> None:
    provider = Scripted([RateLimited("Wait.", retry_after_seconds=9)])
    task = asyncio.create_task(events_of(provider))
    await provider.closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- secrets --------------------------------------------------------------------------------------


async def test_the_key_is_in_no_event_and_no_log(
    fake: FakeProvider, provider: OpenAICompatibleProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "sk-secret-of-the-engine"
    fake.enqueue(failure(401, f"bad {key}"), raw(f"<html>{key}".encode()), events({"error": f"bad {key}"}))
    shown = [await events_of(provider) for _ in range(4)]
    assert key in fake.chats[0].headers["authorization"]
    assert key not in repr(shown)
    assert key not in caplog.text
