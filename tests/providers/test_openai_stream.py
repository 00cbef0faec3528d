"""Streams that other clients choke on: odd chunks, odd framing, odd ends. Each is a good reply."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

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
    tokens,
)
from tests.providers.conftest import events_of, reply_of

pytestmark = pytest.mark.anyio


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
    monkeypatch.setattr("personachat.providers.openai.provider.AFTERMATH_SECONDS", 0.1)
    fake.enqueue(Reply([*tokens(["a"], usage=None, done=False).steps, lingering]))
    async with asyncio.timeout(2):
        assert await reply_of(provider) == ("a", "stop")
