"""What OpenAI-compatible servers do in production, over a real wire and the real SDK."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from personachat.errors import (
    ApiKeyMissing,
    ApiKeyRefused,
    BrokenStream,
    ConnectionLost,
    ContextTooLong,
    ModelNotFound,
    NotAStream,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    ReplyEmpty,
    ReplyTruncated,
    RequestRefused,
    StreamFailed,
)
from personachat.messages import (
    ChatMessage,
    Finished,
    Noticed,
    ReasoningDelta,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai_compatible import OpenAICompatibleProvider
from tests.fake_provider import (
    DONE,
    Cut,
    FakeProvider,
    Gate,
    Hang,
    Pause,
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

KEY = "sk-proj-abcdefgh12345678SECRET"
HELLO = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hello"))
REQUEST = ChatRequest("gpt-x", HELLO, temperature=0.7, max_tokens=100, top_p=0.9, stop=("END",))


@pytest.fixture
async def provider(fake: FakeProvider) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(KEY))
    yield made
    await made.aclose()


async def events_of(
    provider: OpenAICompatibleProvider, request: ChatRequest = REQUEST
) -> tuple[list[ProviderEvent], ProviderError | None]:
    """Every event of a reply, and the error it ended with."""
    seen: list[ProviderEvent] = []
    try:
        async for event in provider.stream(request):
            seen.append(event)  # noqa: PERF401  # what came before the error is kept
    except ProviderError as error:
        return seen, error
    return seen, None


def text_of(seen: list[ProviderEvent]) -> str:
    return "".join(event.content for event in seen if isinstance(event, TextDelta))


async def reply_of(provider: OpenAICompatibleProvider, request: ChatRequest = REQUEST) -> tuple[str, str]:
    """The text and the finish reason of a reply that must not fail."""
    seen, error = await events_of(provider, request)
    assert error is None
    assert isinstance(seen[0], Started)
    assert isinstance(seen[-1], Finished)
    return text_of(seen), seen[-1].reason


async def failure_of(provider: OpenAICompatibleProvider) -> tuple[str, ProviderError]:
    """The text and the error of a reply that must fail."""
    seen, error = await events_of(provider)
    assert error is not None
    assert not any(isinstance(event, Finished) for event in seen)
    return text_of(seen), error


# --- a good reply ---------------------------------------------------------------------------------


async def test_a_reply_is_started_text_usage_and_finished(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(5, 2)))
    seen, error = await events_of(provider)
    assert error is None
    assert seen[0] == Started("acme", "gpt-x")
    assert text_of(seen) == "Hello"
    assert seen[-2:] == [UsageReported(Usage(5, 2)), Finished("stop")]


async def test_the_request_carries_what_the_persona_asks_for(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    await reply_of(provider)
    asked = fake.chats[0]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body == {
        "model": "gpt-x",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
        "max_tokens": 100,
        "top_p": 0.9,
        "stop": ["END"],
    }


async def test_what_is_not_asked_for_is_not_sent(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    await reply_of(provider, ChatRequest("gpt-x", HELLO))
    assert set(fake.chats[0].body) == {"model", "messages", "stream", "stream_options"}


async def test_each_token_comes_when_it_is_sent(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["first", gate, "second"]))
    async with aclosing(provider.stream(REQUEST)) as stream:
        assert isinstance(await anext(stream), Started)
        assert await anext(stream) == TextDelta("first")
        gate.open()
        assert await anext(stream) == TextDelta("second")


async def test_text_that_comes_in_one_read_is_one_delta(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    burst = [sse(chunk(reasoning)) for reasoning in ({"reasoning": "h"}, {"reasoning": "m"})]
    burst += [sse(chunk(f"{number} ")) for number in range(500)] + [sse(chunk({}, finish="stop")), DONE]
    fake.enqueue(raw(b"".join(burst)))
    seen, _ = await events_of(provider)
    assert text_of(seen) == "".join(f"{number} " for number in range(500))
    assert ReasoningDelta("hm") in seen
    assert len(seen) < 20


async def test_the_connection_is_used_again(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    late = Pause(0.02)  # the end of the body comes after [DONE], in a packet of its own
    fake.enqueue(Reply([*tokens(["one"]).steps, late]), Reply([*tokens(["two"]).steps, late]))
    assert [await reply_of(provider), await reply_of(provider)] == [("one", "stop"), ("two", "stop")]
    assert fake.connections == 1


async def test_closing_the_stream_ends_the_request_at_once(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a", Hang()]))
    async with aclosing(provider.stream(REQUEST)) as stream:
        while not isinstance(await anext(stream), TextDelta):
            pass
    assert await asyncio.to_thread(fake.wait_for_disconnect)
    assert await reply_of(provider) == ("You said: Hello", "stop")


@pytest.mark.parametrize("silent", [hang(), tokens([Hang()])])
async def test_cancelling_ends_the_request_at_once(
    fake: FakeProvider, provider: OpenAICompatibleProvider, silent: Reply
) -> None:
    fake.enqueue(silent)
    task = asyncio.create_task(events_of(provider))
    await asyncio.to_thread(fake.wait_for_chats)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(fake.wait_for_disconnect)


async def test_the_models_are_listed(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    assert await provider.models() == ("fake-1", "fake-2")


@pytest.mark.parametrize(
    "answer", [["a", "b"], {"models": [{"name": "a"}, {"name": "b"}]}, {"data": ["a", "b", "a"]}]
)
async def test_the_models_are_listed_in_any_shape(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Any
) -> None:
    fake.models = status(200, body=answer)
    assert await provider.models() == ("a", "b")


async def test_configured_models_are_not_asked_for(fake: FakeProvider) -> None:
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=None, models=("only",))
    assert await provider.models() == ("only",)
    assert fake.requests == []


async def test_a_models_page_is_an_error(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    fake.models = status(200, body="<html>hi</html>")
    with pytest.raises(NotAStream):
        await provider.models()


# --- odd chunks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": None},
        {"object": "chat.completion.chunk"},
        {},
        chunk(None),
        {"choices": [{"index": 0}]},
        {"choices": [None]},
        {"choices": ["text"]},
        chunk({"content": None}),
        chunk({"content": []}),
        chunk({"content": True}),
        chunk({"role": "assistant"}),
        chunk([]),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
        chunk({"tool_calls": "what"}),
        chunk({"refusal": None, "reasoning": None, "reasoning_content": ""}),
        {**chunk({}), "usage": None, "error": None},
        {**chunk({}), "usage": "none"},
        {**chunk({}), "x_groq": {"id": "req_1"}},
    ],
)
async def test_an_odd_chunk_without_text_does_not_disturb_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, odd: dict[str, Any]
) -> None:
    fake.enqueue(events(odd, chunk("a"), odd, chunk("b"), odd, chunk({}, finish="stop"), odd))
    assert await reply_of(provider) == ("ab", "stop")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (42, "42"),
        (1.5, "1.5"),
        ([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}], "one two"),
        ([{"type": "text", "text": {"content": "deep"}}, "plain"], "deepplain"),
        ({"type": "text", "text": "object"}, "object"),
    ],
)
async def test_content_of_any_type_is_shown(
    fake: FakeProvider, provider: OpenAICompatibleProvider, content: Any, text: str
) -> None:
    fake.enqueue(events(chunk({"content": content}), chunk({}, finish="stop")))
    assert await reply_of(provider) == (text, "stop")


async def test_a_message_in_place_of_a_delta_is_shown(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(events({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}))
    assert await reply_of(provider) == ("whole", "stop")


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning": [{"text": "h"}, {"text": "m"}]},
        {"reasoning": {"content": "hm"}},
    ],
)
async def test_reasoning_comes_apart_from_the_text(
    fake: FakeProvider, provider: OpenAICompatibleProvider, delta: dict[str, Any]
) -> None:
    fake.enqueue(events(chunk({**delta, "content": None}), chunk("so"), chunk({}, finish="stop")))
    seen, error = await events_of(provider)
    assert error is None
    assert [event for event in seen if not isinstance(event, (Started, Finished))] == [
        ReasoningDelta("hm"),
        TextDelta("so"),
    ]


async def test_a_refusal_is_shown_as_text(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    fake.enqueue(
        events(chunk({"refusal": "I would "}), chunk({"refusal": "rather not."}), chunk({}, finish="stop"))
    )
    assert await reply_of(provider) == ("I would rather not.", "refusal")


@pytest.mark.parametrize(
    ("reason", "known"),
    [
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
        ("whatever", "stop"),
    ],
)
async def test_finish_reasons(
    fake: FakeProvider, provider: OpenAICompatibleProvider, reason: str, known: str
) -> None:
    fake.enqueue(tokens(["text"], finish=reason))
    assert await reply_of(provider) == ("text", known)


@pytest.mark.parametrize(
    "last",
    [
        {**chunk({}, finish="stop"), "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
        {**chunk({}, finish="stop"), "x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}},
    ],
)
async def test_usage_may_come_inside_the_last_chunk(
    fake: FakeProvider, provider: OpenAICompatibleProvider, last: dict[str, Any]
) -> None:
    fake.enqueue(events(chunk("a"), last))
    seen, _ = await events_of(provider)
    assert [event for event in seen if isinstance(event, UsageReported)] == [UsageReported(Usage(7, 3))]


async def test_running_usage_is_reported_once_and_at_the_end(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    counted = [{**chunk("a"), "usage": {"prompt_tokens": 7, "completion_tokens": n}} for n in (1, 2)]
    fake.enqueue(events(*counted, chunk({}, finish="stop")))
    seen, _ = await events_of(provider)
    assert seen[-2:] == [UsageReported(Usage(7, 2)), Finished("stop")]
    assert sum(isinstance(event, UsageReported) for event in seen) == 1


async def test_halves_of_a_character_in_two_chunks_are_joined(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    gate = Gate()
    fake.enqueue(
        events(
            chunk("x\ud83d"),
            gate,
            chunk("\ude00y"),
            chunk("\ude00"),
            chunk("z\ud83d"),
            chunk({}, finish="stop"),
        )
    )
    task = asyncio.create_task(reply_of(provider))
    await asyncio.to_thread(gate.wait_reached)
    gate.open()
    assert await task == ("x😀y\ufffdz\ufffd", "stop")


# --- legal streams that clients choke on ----------------------------------------------------------


async def test_comments_ids_and_events_without_data_do_not_disturb_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    noise = b"id: 7\n: comment after an id\n\nretry: 1000\n\nevent: ping\n\ndata:\n\ndata: \n\n"
    fake.enqueue(
        raw(b"\xef\xbb\xbf" + noise, sse(chunk("a")), noise, sse(chunk("b"), event="message"), noise, DONE)
    )
    assert await reply_of(provider) == ("ab", "stop")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/octet-stream", ""])
async def test_a_stream_under_another_content_type_is_read(
    fake: FakeProvider, provider: OpenAICompatibleProvider, content_type: str
) -> None:
    fake.enqueue(raw(b"\n\n", sse(chunk("a")), DONE, content_type=content_type))
    assert await reply_of(provider) == ("a", "stop")


async def test_a_compressed_stream_is_read(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    packed = gzip.compress(sse(chunk("a")) + DONE)
    fake.enqueue(Reply([packed], headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}))
    assert await reply_of(provider) == ("a", "stop")


async def test_a_finish_reason_without_done_is_a_good_end(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a"], done=False))
    assert await reply_of(provider) == ("a", "stop")


async def test_done_without_a_finish_reason_is_a_good_end(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["a"], finish=None))
    assert await reply_of(provider) == ("a", "stop")


async def test_a_last_event_without_a_blank_line_counts(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(raw(sse(chunk("a")), sse(chunk("b", finish="stop")).rstrip()))
    assert await reply_of(provider) == ("ab", "stop")


@pytest.mark.parametrize("lingering", [Hang(), Repeat(b": keep-alive\n\n"), Reset(), Cut()])
async def test_a_connection_that_lingers_after_done_does_not_hold_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, lingering: Any
) -> None:
    fake.enqueue(Reply([*tokens(["a"]).steps, lingering]))
    async with asyncio.timeout(1.5):
        assert await reply_of(provider) == ("a", "stop")


@pytest.mark.parametrize("lingering", [Hang(), Repeat(b": keep-alive\n\n"), Reset(), Cut()])
async def test_a_connection_that_lingers_after_the_finish_reason_does_not_hold_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, lingering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.providers.openai_compatible.AFTERMATH_SECONDS", 0.1)
    fake.enqueue(Reply([*tokens(["a"], usage=None, done=False).steps, lingering]))
    async with asyncio.timeout(2):
        assert await reply_of(provider) == ("a", "stop")


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
    assert "thought" in str(error)


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


# --- adapting to a model --------------------------------------------------------------------------


def unsupported(name: str) -> Reply:
    return failure(
        400,
        f"Unsupported parameter: '{name}' is not supported with this model.",
        error_code="unsupported_parameter",
        param=name,
    )


async def test_max_tokens_becomes_max_completion_tokens_and_stays_so(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("max_tokens"), tokens(["a"]), tokens(["b"]))
    seen, error = await events_of(provider)
    assert error is None
    assert not any(isinstance(event, Noticed) for event in seen)
    await reply_of(provider)
    first, second, third = (request.body for request in fake.chats)
    assert "max_tokens" in first
    for body in (second, third):
        assert "max_tokens" not in body
        assert body["max_completion_tokens"] == 100


async def test_a_refused_temperature_is_left_out_and_said_once(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    refusal = (
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) is."
    )
    fake.enqueue(failure(400, refusal, error_code="unsupported_value", param="temperature"))
    seen, _ = await events_of(provider)
    assert isinstance(seen[0], Started)
    assert seen[1] == Noticed("gpt-x does not accept a temperature; the reply used the model's own.")
    again, _ = await events_of(provider)
    assert not any(isinstance(event, Noticed) for event in again)
    assert ["temperature" in request.body for request in fake.chats] == [True, False, False]


async def test_what_one_model_refuses_another_still_gets(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("temperature"))
    await reply_of(provider)
    await reply_of(provider, ChatRequest("gpt-y", HELLO, temperature=0.7))
    assert "temperature" in fake.chats[-1].body


@pytest.mark.parametrize(
    "refusal",
    [
        failure(400, "Unrecognized request argument supplied: stream_options"),
        status(
            422,
            body={"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
        ),
        status(400, body={"error": "unknown field stream_options"}),
        status(400, body="Unknown parameter: stream_options"),
    ],
)
async def test_refused_stream_options_are_left_out_in_silence(
    fake: FakeProvider, provider: OpenAICompatibleProvider, refusal: Reply
) -> None:
    fake.enqueue(refusal)
    seen, error = await events_of(provider)
    assert error is None
    assert not any(isinstance(event, Noticed) for event in seen)
    assert "stream_options" not in fake.chats[-1].body


async def test_everything_may_be_refused_one_by_one(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    names = ("max_tokens", "temperature", "top_p", "stop", "max_completion_tokens", "stream_options")
    fake.enqueue(*map(unsupported, names))
    assert await reply_of(provider) == ("You said: Hello", "stop")
    assert set(fake.chats[-1].body) == {"model", "messages", "stream"}


async def test_a_refusal_that_goes_on_is_told(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    fake.enqueue(*[unsupported("temperature")] * 3)
    _, error = await failure_of(provider)
    assert isinstance(error, RequestRefused)
    assert len(fake.chats) == 2


async def test_a_limit_beyond_the_models_own_is_left_out(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    message = "max_tokens is too large: 100. This model supports at most 50 completion tokens."
    fake.enqueue(failure(400, message, error_code="invalid_value", param="max_tokens"))
    seen, _ = await events_of(provider)
    assert seen[1] == Noticed("gpt-x does not accept that maxTokens; the reply used the model's own.")
    assert not {"max_tokens", "max_completion_tokens"} & set(fake.chats[-1].body)


# --- requests that are refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (failure(401, f"Incorrect API key provided: {KEY}"), ApiKeyRefused, "does not accept the API key"),
        (failure(403, "Your plan has no access"), ApiKeyRefused, "Your plan has no access"),
        (
            status(402, body={"error": {"message": "Insufficient credits"}}),
            QuotaExceeded,
            "no quota or credit",
        ),
        (failure(429, "You exceeded", error_code="insufficient_quota"), QuotaExceeded, "no quota or credit"),
        (failure(429, "slow down"), RateLimited, "no more requests"),
        (failure(400, "the messages must alternate"), RequestRefused, "the messages must alternate."),
        (failure(500, "boom"), ProviderUnavailable, "boom"),
        (status(503), ProviderUnavailable, "is overloaded"),
        (failure(529, "Overloaded"), ProviderUnavailable, "is overloaded"),
        (status(502, body="<html><h1>Bad Gateway</h1> nginx</html>"), ProviderUnavailable, "status 502"),
        (
            status(404, body="<html>404 page not found</html>"),
            RequestRefused,
            "no chat at the configured address",
        ),
        (reset(), ConnectionLost, "broke off"),
    ],
)
async def test_each_refusal_is_one_clear_sentence(
    fake: FakeProvider,
    provider: OpenAICompatibleProvider,
    answer: Reply,
    kind: type[ProviderError],
    says: str,
) -> None:
    fake.enqueue(answer)
    seen, error = await events_of(provider)
    assert seen == []
    assert type(error) is kind
    assert says in str(error)
    assert error.hint
    for banned in ("<", "nginx", KEY, "/v1/chat"):
        assert banned not in f"{error}{error.hint}"


@pytest.mark.parametrize(
    "answer",
    [
        failure(400, "too long", error_code="context_length_exceeded"),
        failure(
            400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
        ),
        failure(400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        failure(400, "the request exceeds the available context size. try increasing the context size"),
        status(400, body={"error": {"code": 400, "message": "no", "type": "exceed_context_size_error"}}),
        failure(500, "input length exceeds the context length"),
        status(
            400,
            body={
                "error": "The number of tokens to keep from the prompt is greater than the context length."
            },
        ),
        failure(400, "prompt is too long: 210000 tokens > 200000 maximum"),
        failure(400, "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        failure(400, "Please reduce the length of the messages or completion."),
        failure(400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
        status(413, body="<html>Request Entity Too Large</html>"),
    ],
)
async def test_a_conversation_that_is_too_long_is_known_in_every_wording(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply
) -> None:
    fake.enqueue(answer)
    _, error = await failure_of(provider)
    assert isinstance(error, ContextTooLong)


@pytest.mark.parametrize(
    "answer",
    [
        failure(
            404,
            "The model `gpt-x` does not exist or you do not have access to it.",
            error_code="model_not_found",
        ),
        status(
            404,
            body={"error": {"message": 'model "gpt-x" not found, try pulling it first', "type": "api_error"}},
        ),
        status(404, body={"object": "error", "message": "The model `gpt-x` does not exist.", "code": 404}),
        failure(400, "gpt-x is not a valid model ID"),
    ],
)
async def test_an_unknown_model_comes_with_those_that_exist(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply
) -> None:
    fake.models = ("gpt-xl", "gpt-w", "embed", "gpt-v", "gpt-u", "gpt-t", "zzz")
    fake.enqueue(answer)
    _, error = await failure_of(provider)
    assert isinstance(error, ModelNotFound)
    assert error.models == fake.models
    assert "It has gpt-xl, gpt-" in str(error)
    assert "zzz" not in str(error)


@pytest.mark.parametrize("list_of_models", [status(500), Reply(early=[Hang()]), reset()])
async def test_an_unknown_model_is_told_even_if_the_models_are_not(
    fake: FakeProvider,
    provider: OpenAICompatibleProvider,
    list_of_models: Reply,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("personachat.providers.openai_compatible.SUGGESTION_SECONDS", 0.1)
    fake.models = list_of_models
    fake.enqueue(failure(404, "no", error_code="model_not_found"))
    _, error = await failure_of(provider)
    assert isinstance(error, ModelNotFound)
    assert error.models == ()


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After-Ms": "250"}, 0.25, 0.25),
        (
            {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)},
            3000,
            3600,
        ),
        ({"Retry-After": format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)}, 0, 0),
    ],
)
async def test_a_rate_limit_says_how_long(
    fake: FakeProvider, provider: OpenAICompatibleProvider, headers: dict[str, str], low: float, high: float
) -> None:
    fake.enqueue(status(429, headers, {"error": {"message": "slow down"}}))
    _, error = await failure_of(provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds is not None
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After-Ms": "nan?"}])
async def test_a_rate_limit_without_a_time_has_none(
    fake: FakeProvider, provider: OpenAICompatibleProvider, headers: dict[str, str]
) -> None:
    fake.enqueue(status(429, headers))
    _, error = await failure_of(provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds is None


async def test_a_redirect_to_another_host_is_not_followed(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    with FakeProvider() as other:
        fake.enqueue(status(307, {"Location": f"{other.base_url}/chat/completions?token=secret"}))
        _, error = await failure_of(provider)
        assert isinstance(error, RedirectRefused)
        assert other.base_url.split("/")[2] in str(error)
        assert "secret" not in str(error)
        assert other.requests == []


async def test_a_long_message_is_quoted_on_one_short_line(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "first line\nsecond\x1b[31m line " + "x" * 5000))
    _, error = await failure_of(provider)
    assert "first line second" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 300


# --- servers that are not there -------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("http://127.0.0.1:{closed}/v1/secret-path", "Nothing answers at 127.0.0.1:"),
        ("http://user:pa55word@127.0.0.1:{closed}/v1", "Nothing answers at 127.0.0.1:"),
        ("http://no-such-host.invalid/v1", "no host of the name no-such-host.invalid"),
        ("https://127.0.0.1:{open}/v1", "No secure connection to 127.0.0.1:"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_named_without_path_or_password(
    fake: FakeProvider, base_url: str, says: str
) -> None:
    address = base_url.format(closed=closed_port(), open=fake.base_url.split(":")[2].removesuffix("/v1"))
    provider = OpenAICompatibleProvider("acme", base_url=address, api_key=None)
    _, error = await failure_of(provider)
    await provider.aclose()
    assert isinstance(error, ProviderUnavailable)
    assert says in str(error)
    assert "base_url in [providers.acme]" in error.hint
    for secret in ("secret-path", "pa55word", "user"):
        assert secret not in f"{error}{error.hint}{provider!r}"


async def test_an_address_that_is_none_is_told(fake: FakeProvider) -> None:
    provider = OpenAICompatibleProvider("openai", base_url="http://127.0.0.1:999999/v1", api_key=None)
    _, error = await failure_of(provider)
    assert isinstance(error, RequestRefused)
    assert "OPENAI_BASE_URL" in error.hint


# --- keys -----------------------------------------------------------------------------------------


async def test_openai_without_a_key_names_the_variable() -> None:
    _, error = await failure_of(OpenAICompatibleProvider("openai", base_url=None, api_key=None))
    assert isinstance(error, ApiKeyMissing)
    assert "OPENAI_API_KEY" in error.hint


async def test_a_server_without_a_key_gets_none(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=None)
    await reply_of(provider)
    await provider.aclose()
    assert "authorization" not in fake.chats[0].headers


async def test_a_server_that_wants_a_key_is_told_apart_from_one_that_refuses_it(fake: FakeProvider) -> None:
    fake.enqueue(failure(401, "no key"))
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=None)
    _, error = await failure_of(provider)
    await provider.aclose()
    assert isinstance(error, ApiKeyMissing)


async def test_openais_own_headers_do_not_go_to_other_servers(
    fake: FakeProvider, provider: OpenAICompatibleProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: gate-secret\nAuthorization: Bearer other-secret")
    await reply_of(provider)
    await provider.models()
    for request in fake.requests:
        assert "-secret" not in json.dumps(request.headers)
        assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_a_password_in_the_address_is_used_and_not_logged(
    fake: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = fake.base_url.replace("://", "://user:pa55word@")
    provider = OpenAICompatibleProvider("acme", base_url=address, api_key=None)
    await reply_of(provider)
    await provider.aclose()
    assert fake.chats[0].headers["authorization"].startswith("Basic ")
    assert "pa55word" not in caplog.text


@pytest.mark.parametrize("key", ["sk-with\nnewline", "sk-with\u2013dash-SECRET"])
async def test_a_key_that_cannot_be_sent_is_told(fake: FakeProvider, key: str) -> None:
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(key))
    _, error = await failure_of(provider)
    assert isinstance(error, ApiKeyRefused)
    assert key not in str(error)


async def test_the_key_is_never_in_errors_events_or_logs(
    fake: FakeProvider, provider: OpenAICompatibleProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leaks = [
        failure(401, f"Incorrect API key provided: {KEY}."),
        failure(400, f"bad header Authorization: Bearer {KEY}", error_code=KEY, param=KEY),
        failure(404, f"model {KEY} not found", error_code="model_not_found"),
        status(500, {"X-Echo": KEY}, f"<html>{KEY}</html>"),
        status(503, body=f"key {KEY} at https://me:{KEY}@host/"),
        status(307, {"Location": f"http://{KEY}@elsewhere.example/{KEY}"}),
        raw(f"<html>{KEY}".encode()),
        events({"error": {"message": f"{KEY} went wrong"}}),
        raw(sse(chunk("a")), b"data: {" + KEY.encode() + b"\n\n"),
        reset(),
    ]
    fake.enqueue(*leaks)
    shown = repr(provider)
    for _ in leaks:
        seen, error = await events_of(provider)
        assert error is not None
        assert error.__cause__ is None
        shown += f"{seen!r}{error!r}{error}{error.hint}{vars(error)}"
    assert fake.chats[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in shown
    assert "SECRET" not in shown
    assert KEY not in caplog.text


def test_the_module_does_not_import_the_sdk() -> None:
    code = (
        "import sys, personachat.providers.openai_compatible; print({'openai', 'httpx2'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
