"""What is asked of an OpenAI-compatible server, and how it changes for a model that refuses some of it."""

from __future__ import annotations

import pytest

from personachat.errors import RequestRefused
from personachat.messages import Noticed, Started
from personachat.providers.base import ChatRequest
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, Reply, failure, status, tokens
from tests.providers.conftest import HELLO, KEY, REQUEST, events_of, failure_of, reply_of

pytestmark = pytest.mark.anyio


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
    assert seen[1] == Noticed("gpt-x does not accept a temperature, so the model's default was used.")
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


async def test_a_limit_that_is_refused_without_a_number_is_left_out(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "max_tokens is too large.", error_code="invalid_value", param="max_tokens"))
    seen, _ = await events_of(provider)
    assert seen[1] == Noticed("gpt-x does not accept this maxTokens value, so the model's default was used.")
    assert not {"max_tokens", "max_completion_tokens"} & set(fake.chats[-1].body)


async def test_the_body_that_would_be_sent_is_the_one_that_is_sent(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("max_tokens"), unsupported("temperature"))
    before = provider.body(REQUEST)
    await reply_of(provider)
    assert before == fake.chats[0].body
    assert provider.body(REQUEST) == fake.chats[-1].body
    assert before != fake.chats[-1].body


async def test_the_address_is_told_without_a_password() -> None:
    server = OpenAICompatibleProvider("acme", base_url="https://ada:secret@host:8443/api/v1", api_key=None)
    assert server.base_url == "https://host:8443/api/v1"
    assert not server.wants_key
