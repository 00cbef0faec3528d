"""What one refusal changes: the request that was refused, and for others only what is true of the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from personachat.errors import ContextTooLong, RequestRefused
from personachat.messages import Noticed
from personachat.providers.openai.provider import MOST_MODELS, OpenAICompatibleProvider
from personachat.providers.openai.refusals import allowed_tokens
from personachat.providers.openai.reports import Report
from personachat.providers.openai.request import MOST_REFUSALS, REMEMBERED_SECONDS
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.providers.adapting import GREEDY, PLAIN, TOO_LARGE, Clock, last, unsupported
from tests.providers.conftest import KEY, events_of, reply_of

pytestmark = pytest.mark.anyio

REASONING = replace(PLAIN, more={"reasoning_effort": "high"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(fake: FakeProvider, clock: Clock) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(KEY), clock=clock)
    yield made
    await made.aclose()


async def test_a_reply_that_may_not_be_that_long_is_asked_for_as_long_as_it_may_be(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, TOO_LARGE, error_code="invalid_value", param="max_tokens"))
    seen, error = await events_of(provider, GREEDY)
    assert error is None
    assert last(fake)["max_tokens"] == 16384
    assert [event.message for event in seen if isinstance(event, Noticed)] == [
        "gpt-x writes at most 16,384 tokens, so maxTokens was lowered to that for this reply."
    ]


async def test_whoever_asks_for_less_keeps_their_own_limit(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, TOO_LARGE, param="max_tokens"))
    await reply_of(provider, GREEDY)
    await reply_of(provider, PLAIN)
    assert last(fake)["max_tokens"] == 1000


@pytest.mark.parametrize(
    ("message", "most"),
    [
        (TOO_LARGE, 16384),
        ("max_tokens: 200000 > 8192, which is the maximum allowed number of output tokens for claude", 8192),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("Range of max_tokens should be [1, 8192]", 8192),
        (
            (
                "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is "
                "less than the `context_window` for this model"
            ),
            8192,
        ),
        (
            (
                "Unable to submit request because it has a max_output_tokens value of 200000 but the "
                "supported range is from 1 (inclusive) to 8193 (exclusive). Update the value and try again."
            ),
            8192,
        ),
        (
            (
                "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum "
                "tokens value that is lower than 4096."
            ),
            4096,
        ),
        ("body.max_tokens: Input should be less than or equal to 32,768", 32768),
        ("max_completion_tokens must be between 1 and 4096", 4096),
        ("'max_tokens' is too large: the highest value for fake-4o-mini-2024-07-18 is 4_096.", 4096),
        (
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 200000. This model's maximum context "
                "length is 4096 tokens and your request has 12 input tokens (200000 > 4096 - 12)."
            ),
            4084,
        ),
        (
            (
                "This model's maximum context length is 8192 tokens. However, you requested 200012 tokens "
                "(12 in the messages, 200000 in the completion). Please reduce the length of either."
            ),
            8180,
        ),
        ("max_tokens is too large", 0),
        ("temperature must be at most 1", None),
        ("This model does not exist", None),
        (
            (
                "This model's maximum context length is 8192 tokens. However, you requested 208180 tokens "
                "(8180 in the messages, 200000 in the completion)."
            ),
            None,
        ),
    ],
)
def test_how_long_a_reply_may_be_is_read_in_every_wording(message: str, most: int | None) -> None:
    assert allowed_tokens(Report(message), {"max_tokens": 200_000}) == most


async def test_a_limit_in_the_window_is_no_reason_to_forget_the_conversation(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    message = (
        "This model's maximum context length is 8192 tokens. However, you requested 208180 tokens (8180 in "
        "the messages, 200000 in the completion). Please reduce the length of the messages or completion."
    )
    fake.enqueue(failure(400, message))
    _, error = await events_of(provider, GREEDY)
    assert isinstance(error, ContextTooLong)
    assert provider.window_tokens("gpt-x") == 8192


async def test_a_temperature_refused_with_reasoning_stays_without(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    conditional = "is not supported with this model when reasoning_effort is not 'none'."
    fake.enqueue(unsupported("temperature", conditional))
    await reply_of(provider, REASONING)
    assert "temperature" not in last(fake)
    await reply_of(provider, PLAIN)
    assert last(fake)["temperature"] == 0.7
    count = len(fake.chats)
    await reply_of(provider, REASONING)
    assert "temperature" not in last(fake)
    assert len(fake.chats) == count + 1


@pytest.mark.parametrize(
    "more",
    [
        {"reasoning_effort": "none"},
        {"tools": [{"type": "function", "function": {"name": "look"}}]},
        {"response_format": {"type": "json_object"}},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ],
)
async def test_what_is_refused_in_one_mode_is_tried_in_every_other(
    fake: FakeProvider, provider: OpenAICompatibleProvider, more: dict[str, Any]
) -> None:
    fake.enqueue(unsupported("temperature"))
    await reply_of(provider, REASONING)
    await reply_of(provider, replace(PLAIN, more=more))
    assert last(fake)["temperature"] == 0.7


async def test_who_asks_makes_no_difference_to_what_a_model_takes(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("temperature"))
    await reply_of(provider, replace(PLAIN, more={"user": "ada", "seed": 7}))
    await reply_of(provider, replace(PLAIN, more={"user": "ben", "seed": 8}))
    assert len(fake.chats) == 3
    assert "temperature" not in last(fake)


async def test_a_value_that_is_refused_leaves_other_values_alone(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(
        failure(
            400, "Unsupported value: 'temperature' 1.7.", error_code="unsupported_value", param="temperature"
        )
    )
    await reply_of(provider, replace(PLAIN, temperature=1.7))
    await reply_of(provider, PLAIN)
    assert last(fake)["temperature"] == 0.7
    await reply_of(provider, replace(PLAIN, temperature=1.7))
    assert "temperature" not in last(fake)


async def test_a_model_that_takes_one_temperature_alone_still_gets_that_one(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    message = "Unsupported value: 'temperature' does not support 0.7. Only the default (1) value is."
    fake.enqueue(failure(400, message, error_code="unsupported_value", param="temperature"))
    await reply_of(provider, PLAIN)
    await reply_of(provider, replace(PLAIN, temperature=0.2))
    assert "temperature" not in last(fake)
    await reply_of(provider, replace(PLAIN, temperature=1))
    assert last(fake)["temperature"] == 1
    assert len(fake.chats) == 4


async def test_of_two_that_do_not_go_together_either_goes_alone(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "`temperature` and `top_p` cannot both be specified for this model."))
    both = replace(PLAIN, top_p=0.5)
    await reply_of(provider, both)
    assert last(fake)["temperature"] == 0.7
    assert "top_p" not in last(fake)
    await reply_of(provider, replace(both, temperature=None))
    assert last(fake)["top_p"] == 0.5


async def test_a_value_far_too_large_renames_nothing(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    message = "Unsupported value: 'max_tokens' 200000 exceeds the maximum of 16384."
    fake.enqueue(failure(400, message, error_code="unsupported_value", param="max_tokens"))
    await reply_of(provider, GREEDY)
    assert last(fake)["max_tokens"] == 16384
    await reply_of(provider, PLAIN)
    assert last(fake)["max_tokens"] == 1000


async def test_what_a_model_refused_is_tried_again_after_an_hour(
    fake: FakeProvider, provider: OpenAICompatibleProvider, clock: Clock
) -> None:
    fake.enqueue(unsupported("max_tokens"), unsupported("temperature"))
    await reply_of(provider, PLAIN)
    clock.now += REMEMBERED_SECONDS - 1
    await reply_of(provider, PLAIN)
    assert last(fake)["max_completion_tokens"] == 1000
    assert "temperature" not in last(fake)
    clock.now += 1
    await reply_of(provider, PLAIN)
    assert last(fake)["max_tokens"] == 1000
    assert last(fake)["temperature"] == 0.7


async def test_two_who_are_refused_at_once_both_get_their_reply(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    gate = Gate()
    refused = unsupported("max_tokens")
    held = replace(refused, early=[gate])
    fake.enqueue(held, held, tokens(["a"]), tokens(["b"]))
    both = asyncio.gather(reply_of(provider, PLAIN), reply_of(provider, PLAIN))
    await asyncio.to_thread(fake.wait_for_chats, 2)
    gate.open()
    texts = {text for text, _ in await both}
    assert texts == {"a", "b"}
    assert [request.body.get("max_completion_tokens") for request in fake.chats] == [None, None, 1000, 1000]


async def test_a_server_that_refuses_everything_anew_is_given_up(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(
        *[
            failure(400, f"max_tokens is too large. This model supports at most {most} completion tokens.")
            for most in range(999, 900, -1)
        ]
    )
    _, error = await events_of(provider, PLAIN)
    assert isinstance(error, RequestRefused)
    assert len(fake.chats) < 12


async def test_what_is_remembered_is_bounded(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    adaptation = provider._adaptation("gpt-x")
    for number in range(MOST_REFUSALS + 5):
        attempt = adaptation.begin(replace(PLAIN, more={"reasoning_effort": f"{number}"}))
        attempt.learn(Report("temperature is not supported", param="temperature"))
    assert len(adaptation.refusals()) == MOST_REFUSALS
    for number in range(MOST_MODELS + 5):
        provider.body(replace(PLAIN, model=f"model-{number}"))
    assert len(provider._adaptations) == MOST_MODELS
