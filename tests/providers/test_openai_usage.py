"""Counts of tokens as servers write them: cached ones, thoughts, and what does not add up."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.messages import Usage, UsageReported
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.openai.reports import usage_of
from tests.fake_provider import FakeProvider, chunk, events
from tests.providers.conftest import events_of

OPENAI = {
    "prompt_tokens": 20212,
    "completion_tokens": 931,
    "total_tokens": 21143,
    "prompt_tokens_details": {"cached_tokens": 16298, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 600},
}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (OPENAI, Usage(20212, 931, 16298, 600)),
        ({"prompt_tokens": 7, "completion_tokens": 3}, Usage(7, 3)),
        (
            {"prompt_tokens": 7, "completion_tokens": 3, "prompt_cache_hit_tokens": 4},
            Usage(7, 3, 4),
        ),
        (
            {  # its thoughts are beside the completion, and are paid for
                "prompt_tokens": 7,
                "completion_tokens": 3,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(7, 23, None, 20),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": None}, Usage(7, 3)),
        (
            {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 99}},
            Usage(7, 3, 7),
        ),
        (
            {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": -1}},
            Usage(7, 3),
        ),
        ({"prompt_tokens": "7", "completion_tokens": 3}, Usage(None, 3)),
        ({}, Usage()),
    ],
)
def test_counts_are_read(told: dict[str, Any], usage: Usage) -> None:
    assert usage_of(told) == usage


def test_counts_of_two_requests_add_up() -> None:
    assert Usage(1, 2, None, 3).plus(Usage(4, None, 5, None)) == Usage(5, 2, 5, 3)


@pytest.mark.anyio
async def test_details_are_reported(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    fake.enqueue(events(chunk("ok"), chunk({}, finish="stop"), {"choices": [], "usage": OPENAI}))
    seen, _ = await events_of(provider)
    assert UsageReported(Usage(20212, 931, 16298, 600)) in seen
