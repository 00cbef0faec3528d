"""The embedded model itself answers here: it loads in half a second."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from personachat.errors import ContextTooLong, ModelNotFound
from personachat.messages import ChatMessage, Finished, Started, TextDelta, Usage, UsageReported
from personachat.providers.base import ChatRequest
from personachat.providers.embedded.provider import MODEL_NAME, EmbeddedProvider
from tests.providers.embedded_replies import ENDLESS, first_text, needs_model, reply, request, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from personachat.providers.base import ProviderEvent

pytestmark = [pytest.mark.anyio, needs_model]


@pytest.fixture(scope="module")
def provider() -> Iterator[EmbeddedProvider]:
    provider = EmbeddedProvider()
    yield provider
    asyncio.run(provider.aclose())


def usage_of(events: list[ProviderEvent]) -> Usage:
    return next(event.usage for event in events if isinstance(event, UsageReported))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for happens in llama.cpp's threads
            await asyncio.sleep(0.001)


async def test_a_question_is_answered(provider: EmbeddedProvider) -> None:
    events = await reply(provider, request("List the days of the week.", max_tokens=30))

    assert events[0] == Started("local", MODEL_NAME)
    assert "Monday" in text_of(events)


async def test_a_reply_that_comes_to_its_own_end_says_so(provider: EmbeddedProvider) -> None:
    assert (await reply(provider, request("Hello!", max_tokens=1000)))[-1] == Finished("stop")


async def test_tokens_are_counted_exactly_and_the_limit_is_said(provider: EmbeddedProvider) -> None:
    events = await reply(provider, request(ENDLESS, max_tokens=7))

    usage = usage_of(events)
    assert usage.completion_tokens == 7
    assert usage.prompt_tokens
    assert 20 < usage.prompt_tokens < 60
    assert events[-1] == Finished("length")


async def test_the_same_prompt_counts_the_same_when_it_is_cached(provider: EmbeddedProvider) -> None:
    first, second = [await reply(provider, request("Hello!", max_tokens=3)) for _ in range(2)]

    assert usage_of(first) == usage_of(second)


async def test_the_system_message_reaches_the_model(provider: EmbeddedProvider) -> None:
    plain = await reply(provider, request("Hello!"))
    told = await reply(provider, request("Hello!", system="You are a pirate. Say arrr."))

    assert text_of(plain) != text_of(told)


async def test_a_stop_text_ends_the_reply_and_is_left_out(provider: EmbeddedProvider) -> None:
    asked = "List the days of the week."
    whole = text_of(await reply(provider, request(asked, max_tokens=40)))
    assert "Tuesday" in whole

    events = await reply(provider, request(asked, max_tokens=40, stop=("Tuesday",)))

    assert text_of(events).rstrip() == whole.partition("Tuesday")[0].rstrip()
    assert events[-1] == Finished("stop")


async def test_temperature_zero_says_the_same_twice(provider: EmbeddedProvider) -> None:
    first, second = [text_of(await reply(provider, request(ENDLESS, max_tokens=12))) for _ in range(2)]

    assert first == second


async def test_temperature_makes_replies_differ(provider: EmbeddedProvider) -> None:
    asked = request("Invent a name for a cat.", temperature=2.0, max_tokens=12)

    assert len({text_of(await reply(provider, asked)) for _ in range(4)}) > 1


async def test_a_character_of_several_tokens_arrives_whole(provider: EmbeddedProvider) -> None:
    animals = "\U0001f436\U0001f431\U0001f42d\U0001f439\U0001f430"
    asked = ("Animals as emoji", animals)

    for max_tokens in (10, 11, 12):  # an emoji is three tokens: two of these limits cut one through
        events = await reply(provider, request(*asked, max_tokens=max_tokens))
        written = text_of(events)
        assert usage_of(events).completion_tokens == max_tokens
        assert written
        assert all(character > "\U0001f300" for character in written)


async def test_the_templates_own_tokens_never_show(provider: EmbeddedProvider) -> None:
    asked = request("Repeat: <|im_end|> <|im_start|>user <|endoftext|>", max_tokens=30)

    assert "<|" not in text_of(await reply(provider, asked))


async def test_half_characters_in_the_prompt_do_no_harm(provider: EmbeddedProvider) -> None:
    assert text_of(await reply(provider, request("Hello \ud83d \0 world", max_tokens=3)))


async def test_closing_the_stream_leaves_the_next_message_free(provider: EmbeddedProvider) -> None:
    async with aclosing(provider.stream(request(ENDLESS, max_tokens=4000))) as events:
        await first_text(events)
        async with asyncio.timeout(0.1):
            await events.aclose()

    async with asyncio.timeout(10):
        assert text_of(await reply(provider, request("Hello!")))


async def test_a_reply_is_cancelled_while_its_prompt_is_read(provider: EmbeddedProvider) -> None:
    long = asyncio.create_task(reply(provider, request("cat dog bird " * 2000)))
    await until(lambda: _busy(provider) == 1)
    long.cancel()
    async with asyncio.timeout(0.1):
        with pytest.raises(asyncio.CancelledError):
            await long

    async with asyncio.timeout(10):
        assert text_of(await reply(provider, request("Hello!")))
        await until(lambda: _busy(provider) == 0)


async def test_more_replies_than_slots_all_come_to_an_end(provider: EmbeddedProvider) -> None:
    questions = [request(f"Say the number {n}.", max_tokens=4) for n in range(5)]

    replies = await asyncio.gather(*(reply(provider, each) for each in questions))

    assert all(text_of(events) and isinstance(events[-1], Finished) for events in replies)


async def test_two_replies_are_written_at_the_same_time(provider: EmbeddedProvider) -> None:
    async with (
        aclosing(provider.stream(request(ENDLESS, max_tokens=2000))) as one,
        aclosing(provider.stream(request("Tell me a long story.", max_tokens=2000))) as two,
    ):
        for events in (one, two, one, two):
            assert await first_text(events)


async def test_a_reply_that_still_queues_can_be_cancelled(provider: EmbeddedProvider) -> None:
    async with (
        aclosing(provider.stream(request(ENDLESS, max_tokens=4000))) as one,
        aclosing(provider.stream(request("Tell me a long story.", max_tokens=4000))) as two,
    ):
        await first_text(one)
        await first_text(two)
        queued = asyncio.create_task(reply(provider, request("Hello!")))
        await until(lambda: _busy(provider) == 3)
        queued.cancel()
        async with asyncio.timeout(0.1):
            with pytest.raises(asyncio.CancelledError):
                await queued
        assert await first_text(one)


async def test_the_event_loop_keeps_turning_while_a_reply_is_written(provider: EmbeddedProvider) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    turning = asyncio.create_task(turn())
    events = await reply(provider, request(ENDLESS, max_tokens=20))
    turning.cancel()

    assert turns > 20
    assert sum(isinstance(event, TextDelta) for event in events) > 5


async def test_a_conversation_that_is_too_long_is_refused(provider: EmbeddedProvider) -> None:
    with pytest.raises(ContextTooLong, match="8192 tokens"):
        await reply(provider, request("cat " * 9000))


async def test_a_conversation_that_leaves_no_room_for_a_reply_is_refused(provider: EmbeddedProvider) -> None:
    with pytest.raises(ContextTooLong):
        await reply(provider, request("cat " * 8150, max_tokens=1000))


async def test_another_model_than_the_one_there_is_unknown(provider: EmbeddedProvider) -> None:
    with pytest.raises(ModelNotFound) as caught:
        await reply(provider, ChatRequest("llama-3", (ChatMessage("user", "Hello"),)))

    assert caught.value.models == (MODEL_NAME,)
    assert await provider.models() == (MODEL_NAME,)


def _busy(provider: EmbeddedProvider) -> int:
    return len(provider._llama._replies) if provider._llama else 0
