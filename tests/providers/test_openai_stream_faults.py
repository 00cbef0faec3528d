"""Streams that break, and answers that are none: what came is kept, and why it ended is said."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.errors import (
    ApiKeyRefused,
    BrokenStream,
    ConnectionLost,
    ContextTooLong,
    ModelNotFound,
    NotAStream,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    ReplyEmpty,
    ReplyTruncated,
    StreamFailed,
)
from personachat.messages import Finished, ReasoningDelta, Started, TextDelta, Usage, UsageReported
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import (
    DONE,
    Cut,
    FakeProvider,
    Gate,
    Hang,
    Repeat,
    Reply,
    Reset,
    chunk,
    events,
    raw,
    sse,
    status,
    tokens,
)
from tests.providers.conftest import REQUEST, events_of, failure_of, reply_of

pytestmark = pytest.mark.anyio


# --- streams that break ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        sse({"error": {"message": "the engine is on fire", "type": "server_error"}}),
        sse({"error": "the engine is on fire"}),
        sse({"type": "error", "message": "the engine is on fire"}, event="error"),
        sse("the engine is on fire", event="error"),
        sse({"object": "error", "message": "the engine is on fire", "code": 50000}),
        sse(
            {
                **chunk({"content": ""}, finish="error"),
                "error": {"code": 502, "message": "the engine is on fire"},
            }
        ),
        sse({"choices": [{"finish_reason": "error", "error": {"message": "the engine is on fire"}}]}),
        sse(
            {
                "error": {
                    "code": 502,
                    "message": "Provider returned error",
                    "metadata": {"raw": "the engine is on fire"},
                }
            }
        ),
    ],
)
async def test_an_error_inside_the_stream_keeps_the_text_and_says_why(
    fake: FakeProvider, provider: OpenAICompatibleProvider, shape: bytes
) -> None:
    fake.enqueue(raw(sse(chunk("so ")) + sse(chunk("far")) + shape, DONE))
    text, error = await failure_of(provider)
    assert text == "so far"
    assert isinstance(error, StreamFailed)
    assert "the engine is on fire" in str(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("context_length_exceeded", ContextTooLong),
        ("insufficient_quota", QuotaExceeded),
        ("rate_limit_exceeded", RateLimited),
        (429, RateLimited),
        ("model_not_found", ModelNotFound),
        ("invalid_api_key", ApiKeyRefused),
    ],
)
async def test_an_error_inside_the_stream_keeps_its_meaning(
    fake: FakeProvider, provider: OpenAICompatibleProvider, code: Any, kind: type[ProviderError]
) -> None:
    fake.enqueue(events({"error": {"message": "no", "code": code}}))
    _, error = await failure_of(provider)
    assert type(error) is kind


async def test_text_in_the_chunk_of_an_error_is_kept(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(events({**chunk("last words"), "error": {"message": "bang"}}))
    text, error = await failure_of(provider)
    assert text == "last words"
    assert isinstance(error, StreamFailed)


@pytest.mark.parametrize(
    "broken", [b"data: {not json\n\n", b'data: {"a": "\xff"}\n\n', b'data: "text"\n\n', b"data: [\n\n"]
)
async def test_an_unreadable_event_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider, broken: bytes
) -> None:
    fake.enqueue(raw(sse(chunk("kept")) + broken + sse(chunk("lost")), DONE))
    text, error = await failure_of(provider)
    assert text == "kept"
    assert isinstance(error, BrokenStream)


async def test_bytes_that_do_not_unpack_are_a_broken_stream(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(
        Reply([b"not gzip"], headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"})
    )
    _, error = await failure_of(provider)
    assert isinstance(error, BrokenStream)


async def test_an_event_that_never_ends_is_a_broken_stream(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(raw(sse(chunk("kept")), b"data: ", Repeat(b"x" * 1_000_000, every_seconds=0)))
    text, error = await failure_of(provider)
    assert text == "kept"
    assert isinstance(error, BrokenStream)


@pytest.mark.parametrize("end", [Reset(), Cut()])
async def test_a_connection_that_breaks_keeps_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider, end: Any
) -> None:
    gate = Gate()
    fake.enqueue(Reply([sse(chunk("kept")), gate, end]))
    stream = provider.stream(REQUEST)
    assert isinstance(await anext(stream), Started)
    assert await anext(stream) == TextDelta("kept")
    gate.open()
    with pytest.raises(ConnectionLost):
        await anext(stream)


async def test_an_end_without_finish_reason_or_done_is_truncated(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["half a"], finish=None, usage=None, done=False))
    text, error = await failure_of(provider)
    assert text == "half a"
    assert isinstance(error, ReplyTruncated)


@pytest.mark.parametrize("words", [[], ["", ""], [" \n", " "]])
async def test_a_reply_without_a_word_is_empty(
    fake: FakeProvider, provider: OpenAICompatibleProvider, words: list[str]
) -> None:
    fake.enqueue(tokens(words))
    _, error = await failure_of(provider)
    assert isinstance(error, ReplyEmpty)


async def test_reasoning_without_an_answer_is_empty_and_says_so(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(events(chunk({"reasoning": "hm"}), chunk({}, finish="stop")))
    seen, error = await events_of(provider)
    assert ReasoningDelta("hm") in seen
    assert isinstance(error, ReplyEmpty)
    assert "finished thinking" in str(error)


async def test_a_call_of_a_tool_without_text_says_so(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(events(chunk({"tool_calls": [{"index": 0}]}), chunk({}, finish="tool_calls")))
    _, error = await failure_of(provider)
    assert isinstance(error, ReplyEmpty)
    assert "tool" in str(error)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_no_text_with_a_reason_for_it_is_no_error(
    fake: FakeProvider, provider: OpenAICompatibleProvider, reason: str
) -> None:
    fake.enqueue(tokens([], finish=reason))
    assert await reply_of(provider) == ("", reason)


# --- silence that looks like success --------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b": only comments\n\n",
        b"<!doctype html><html><body>Log in</body></html>",
        b"\n  <html>\ndata: {}\n\n</html>",
        b'{"status": "ok"}',
        b"[]",
        b"{broken json",
        b"OK",
    ],
)
async def test_a_body_that_is_no_reply_is_said_to_be_none(
    fake: FakeProvider, provider: OpenAICompatibleProvider, body: bytes
) -> None:
    fake.enqueue(raw(body))
    text, error = await failure_of(provider)
    assert text == ""
    assert isinstance(error, NotAStream)
    assert "Log in" not in str(error)
    assert "base_url in [providers.acme]" in error.hint


async def test_a_page_that_never_ends_is_not_waited_for(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(raw(b"<html>", Hang()))
    _, error = await failure_of(provider)
    assert isinstance(error, NotAStream)


async def test_a_whole_completion_is_shown(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "All of it."},
        "finish_reason": "length",
    }
    usage = {"prompt_tokens": 4, "completion_tokens": 3}
    fake.enqueue(status(200, body={"object": "chat.completion", "choices": [choice], "usage": usage}))
    seen, error = await events_of(provider)
    assert error is None
    assert seen[1:] == [TextDelta("All of it."), UsageReported(Usage(4, 3)), Finished("length")]


async def test_an_error_as_json_with_status_200_is_told(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(status(200, body={"error": {"message": "the engine is on fire"}}))
    _, error = await failure_of(provider)
    assert isinstance(error, StreamFailed)
    assert "the engine is on fire" in str(error)
