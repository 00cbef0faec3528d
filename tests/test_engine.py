"""One reply: its limits, its retries, and its exactly one end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr

from personachat import engine
from personachat.engine import ReplyLimits, reply
from personachat.errors import (
    ApiKeyRefused,
    ConnectionLost,
    ContextTooLong,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    ReplyEmpty,
    StreamFailed,
)
from personachat.messages import (
    ChatMessage,
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai_compatible import OpenAICompatibleProvider
from tests.fake_provider import (
    DONE,
    FakeProvider,
    Hang,
    Repeat,
    Reply,
    Reset,
    chunk,
    events,
    failure,
    hang,
    raw,
    reset,
    sse,
    status,
    tokens,
)

pytestmark = pytest.mark.anyio

LONG = ReplyLimits(60, 60, 600)
REQUEST = ChatRequest("gpt-x", (ChatMessage("user", "Hello"),))
STARTED = Started("scripted", "gpt-x")


class Scripted:
    """A provider whose tries follow a script: events are given out, errors raised, "wait" waits for ever."""

    name = "scripted"

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
        "reply_truncated", "scripted stopped without an end.", "Try again."
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


# --- limits ---------------------------------------------------------------------------------------

KEEP_ALIVE = Repeat(b": keep-alive\n\n", every_seconds=0.005)
NOTHING = Repeat(sse(chunk({"content": ""})), every_seconds=0.005)


@pytest.mark.parametrize("silent", [hang(), raw(Hang()), raw(KEEP_ALIVE), raw(NOTHING)])
async def test_a_first_token_that_does_not_come_fails_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, silent: Reply
) -> None:
    fake.enqueue(silent)
    end = await end_of(provider, limits=ReplyLimits(0.5, 60, 600))
    assert isinstance(end, Failed)
    assert end.code == "first_token_timeout"
    assert "0.5 seconds" in end.message
    assert len(fake.chats) == 1
    assert await asyncio.to_thread(fake.wait_for_disconnect)


@pytest.mark.parametrize("silent", [Hang(), KEEP_ALIVE, NOTHING])
async def test_a_gap_between_tokens_fails_the_reply_and_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider, silent: Any
) -> None:
    fake.enqueue(tokens(["kept", silent]))
    seen = await events_of(provider, limits=ReplyLimits(60, 0.1, 600))
    assert seen[1] == TextDelta("kept")
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "idle_timeout"
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_a_reply_that_takes_too_long_fails_and_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens([Repeat(sse(chunk("x")), every_seconds=0.005)]))
    seen = await events_of(provider, limits=ReplyLimits(60, 60, 0.2))
    assert TextDelta("x") in seen
    assert isinstance(seen[-1], Failed)
    assert seen[-1].code == "reply_timeout"
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_tokens_that_keep_coming_are_never_idle(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    stream = reply(provider, REQUEST, limits=ReplyLimits(10, 0.2, 600))
    fake.enqueue(tokens([Repeat(sse(chunk("x")), every_seconds=0.02)]))
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.5
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


# --- trying again ---------------------------------------------------------------------------------


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
    assert end.code == "provider_unavailable"
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


# --- conversations that are too long --------------------------------------------------------------


def conversation(turns: int) -> ChatRequest:
    """A system message, so many turns of question and answer, and a last question."""
    said = [ChatMessage("system", "You are.")]
    for number in range(turns):
        said += [ChatMessage("user", f"q{number}"), ChatMessage("assistant", f"a{number}")]
    return ChatRequest("gpt-x", (*said, ChatMessage("user", "last")), pinned=1)


TOO_LONG = ContextTooLong("Too long.", hint="Shorten it.")


async def test_the_oldest_turns_are_left_out_and_it_is_said() -> None:
    provider = Scripted([TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, conversation(3))
    assert [message.content for message in provider.requests[1].messages] == ["You are.", "q2", "a2", "last"]
    notice = "The oldest 4 messages were left out because the conversation is longer than the model's memory."
    assert seen == [STARTED, Noticed(notice), TextDelta("a"), Finished("stop")]


async def test_turns_are_left_out_until_it_fits_and_it_is_said_once() -> None:
    provider = Scripted([TOO_LONG], [STARTED, TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, conversation(7))
    assert [len(request.messages) for request in provider.requests] == [16, 8, 4]
    assert [event.message.split(" left")[0] for event in seen if isinstance(event, Noticed)] == [
        "The oldest 12 messages were"
    ]


async def test_the_last_message_always_stays() -> None:
    provider = Scripted(*[[TOO_LONG]] * 9)
    seen = await events_of(provider, conversation(200))
    assert seen == [Failed("context_too_long", "Too long.", "Shorten it.")]
    assert [message.content for message in provider.requests[-1].messages] == ["You are.", "last"]
    assert len(provider.requests) == engine.SHORTENINGS + 1


async def test_a_greeting_may_be_left_out_as_well() -> None:
    request = ChatRequest("gpt-x", (ChatMessage("assistant", "Welcome"), ChatMessage("user", "last")))
    provider = Scripted([TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, request)
    assert provider.requests[1].messages == (ChatMessage("user", "last"),)
    assert isinstance(seen[1], Noticed)
    assert seen[1].message.startswith("The oldest message was left out")


async def test_a_message_alone_that_is_too_long_fails(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "too long", error_code="context_length_exceeded"))
    end = await end_of(provider)
    assert isinstance(end, Failed)
    assert end.code == "context_too_long"
    assert end.hint
    assert len(fake.chats) == 1


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
