"""A server may send several choices; the reply is the one of index 0, and nothing of the others."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.messages import Finished, ReasoningDelta
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, events, status
from tests.providers.conftest import events_of, failure_of, reply_of, text_of

pytestmark = pytest.mark.anyio

NO_INDEX: Any = object()


def choice(
    index: Any, content: str | None = None, *, finish: str | None = None, **delta: Any
) -> dict[str, Any]:
    said = {"content": content} if content is not None else {}
    made: dict[str, Any] = {"delta": {**said, **delta}, "finish_reason": finish}
    return made if index is NO_INDEX else {"index": index, **made}


def chunks(*choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"object": "chat.completion.chunk", "choices": each} for each in choices]


@pytest.mark.parametrize(
    "streamed",
    [
        chunks(
            [choice(0, "right")],
            [choice(1, "WRONG")],
            [choice(1, finish="length")],
            [choice(0, finish="stop")],
        ),
        chunks(
            [choice(1, "WRONG"), choice(0, "right")], [choice(1, finish="length"), choice(0, finish="stop")]
        ),
        chunks(
            [choice(0, "right"), choice(1, "WRONG")], [choice(0, finish="stop")], [choice(1, finish="length")]
        ),
        chunks([choice(2, "WRONG")], [choice(1, "WRONG")], [choice(0, "right", finish="stop")]),
        chunks([choice("1", "WRONG")], [choice("0", "right")], [choice("0", finish="stop")]),
        chunks([choice(1.0, "WRONG")], [choice(0.0, "right")], [choice(0.0, finish="stop")]),
        chunks([choice(None, "right"), choice(None, "WRONG")], [choice(None, finish="stop")]),
        chunks([choice(NO_INDEX, "right"), choice(NO_INDEX, "WRONG")], [choice(NO_INDEX, finish="stop")]),
        chunks([choice(0, "ri"), choice(0, "ght")], [choice(0, finish="stop")]),
        chunks([choice(1, refusal="WRONG")], [choice(0, "right", finish="stop")]),
        chunks([choice(1, finish="error")], [choice(0, "right", finish="stop")]),
        chunks([choice(1, reasoning_content="WRONG")], [choice(0, "right", finish="stop")]),
    ],
)
async def test_only_the_choice_of_index_0_is_the_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider, streamed: list[dict[str, Any]]
) -> None:
    fake.enqueue(events(*streamed))
    seen, error = await events_of(provider)
    assert error is None
    assert text_of(seen) == "right"
    assert seen[-1] == Finished("stop")
    assert not any(isinstance(event, ReasoningDelta) for event in seen)


@pytest.mark.parametrize("first", [0, 1])
async def test_of_a_whole_answer_too_only_index_0_counts(
    fake: FakeProvider, provider: OpenAICompatibleProvider, first: int
) -> None:
    choices = [
        {"index": index, "message": {"content": ["right", "WRONG"][index]}, "finish_reason": "stop"}
        for index in (first, 1 - first)
    ]
    fake.enqueue(status(200, body={"object": "chat.completion", "choices": choices}))
    assert await reply_of(provider) == ("right", "stop")


async def test_a_reply_of_other_choices_alone_is_empty(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(events(*chunks([choice(1, "WRONG")], [choice(1, finish="stop")])))
    text, error = await failure_of(provider)
    assert (text, error.code) == ("", "reply_empty")
