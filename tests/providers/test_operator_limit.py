"""The operator's limit on the length of replies, in every request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from personachat.errors import RequestRefused
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider
from tests.providers.adapting import PLAIN, last, unsupported
from tests.providers.conftest import KEY, failure_of, reply_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def limited(fake: FakeProvider) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(KEY), most_tokens=300)
    yield made
    await made.aclose()


@pytest.mark.parametrize(("asked", "sent"), [(None, 300), (10, 10), (300, 300), (100_000, 300)])
async def test_no_request_asks_for_more_than_the_operator_allows(
    fake: FakeProvider, limited: OpenAICompatibleProvider, asked: int | None, sent: int
) -> None:
    request = replace(PLAIN, max_tokens=asked)
    await reply_of(limited, request)
    assert last(fake)["max_tokens"] == sent
    assert limited.body(request)["max_tokens"] == sent


async def test_further_parameters_cannot_raise_the_limit(
    fake: FakeProvider, limited: OpenAICompatibleProvider
) -> None:
    more = {"max_tokens": 9000, "max_completion_tokens": 9000, "n": 50, "model": "dear", "stream": False}
    await reply_of(limited, replace(PLAIN, more=more))
    body = last(fake)
    assert (body["max_tokens"], body["model"], body["stream"]) == (300, "gpt-x", True)
    assert not {"max_completion_tokens", "n"} & set(body)


async def test_the_limit_goes_along_under_its_other_name(
    fake: FakeProvider, limited: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("max_tokens"))
    await reply_of(limited, PLAIN)
    assert last(fake)["max_completion_tokens"] == 300


async def test_a_model_that_takes_no_limit_does_not_answer_without(
    fake: FakeProvider, limited: OpenAICompatibleProvider
) -> None:
    for _ in range(2):
        fake.enqueue(unsupported("max_tokens"), unsupported("max_completion_tokens"))
        _, error = await failure_of(limited)
        assert isinstance(error, RequestRefused)
        fake.forget()
