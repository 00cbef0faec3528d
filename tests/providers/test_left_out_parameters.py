"""Parameters that a model refuses are left out, unless the answer depends on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from personachat.errors import RequestRefused
from personachat.messages import Noticed, Started
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, failure
from tests.providers.adapting import GREEDY, PLAIN, TOO_LARGE, Clock, last, unsupported
from tests.providers.conftest import KEY, events_of, reply_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(fake: FakeProvider, clock: Clock) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(KEY), clock=clock)
    yield made
    await made.aclose()


async def test_what_was_taken_is_told_with_the_start(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(unsupported("temperature"), failure(400, TOO_LARGE, param="max_tokens"))
    seen, _ = await events_of(provider, GREEDY)
    (started,) = [event for event in seen if isinstance(event, Started)]
    assert started.sent == {
        name: value for name, value in last(fake).items() if name not in {"model", "stream", "messages"}
    }


TUNED = replace(PLAIN, more={"top_k": 40, "user": "ada", "metadata": {"a": "b"}})

EXTRA_FIELDS = {
    "detail": [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
        for name in ("top_k", "metadata")
    ]
}


@pytest.mark.parametrize("stranger", ["top_k", "user", "metadata"])
async def test_a_parameter_that_only_tunes_is_left_out_for_a_model_that_does_not_take_it(
    fake: FakeProvider, provider: OpenAICompatibleProvider, stranger: str
) -> None:
    fake.enqueue(failure(400, f"Unrecognized request argument supplied: {stranger}"))
    seen, error = await events_of(provider, TUNED)
    assert error is None
    assert stranger not in last(fake)
    assert set(TUNED.more) - {stranger} <= set(last(fake))
    notices = [event.message for event in seen if isinstance(event, Noticed)]
    assert notices == [f"gpt-x does not support {stranger}, so the reply was requested without it."]
    await reply_of(provider, TUNED)
    assert len(fake.chats) == 3
    assert stranger not in last(fake)


async def test_several_that_are_refused_at_once_are_left_out_one_after_the_other(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    from tests.fake_provider import status

    second = {"detail": EXTRA_FIELDS["detail"][1:]}
    fake.enqueue(status(422, {}, EXTRA_FIELDS), status(422, {}, second))
    await reply_of(provider, TUNED)
    assert not {"top_k", "metadata"} & set(last(fake))
    assert last(fake)["user"] == "ada"


async def test_one_value_that_is_refused_says_nothing_about_others(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    message = "Unsupported value: 'service_tier' does not support 'flex' with this model."
    fake.enqueue(failure(400, message, error_code="unsupported_value", param="service_tier"))
    flex = replace(PLAIN, more={"service_tier": "flex"})
    await reply_of(provider, flex)
    assert "service_tier" not in last(fake)
    await reply_of(provider, replace(PLAIN, more={"service_tier": "default"}))
    assert last(fake)["service_tier"] == "default"


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "x"}}], "tool_choice": "required"},
        {"response_format": {"type": "json_object"}},
        {"guided_json": {"type": "object"}},
    ],
)
async def test_what_the_answer_depends_on_is_never_left_out(
    fake: FakeProvider, provider: OpenAICompatibleProvider, more: dict[str, Any]
) -> None:
    for name in more:
        fake.enqueue(unsupported(name))
        _, error = await events_of(provider, replace(PLAIN, more=more))
        assert isinstance(error, RequestRefused)
        assert name in fake.chats[-1].body


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("body.messages.1.assistant.reasoning_content: Extra inputs are not permitted", "reasoning_content"),
        (
            "'messages.1' : for 'role:assistant' property 'reasoning_content' is unsupported",
            "reasoning_content",
        ),
        ("Unrecognized request argument: messages[0].name", "name"),
    ],
)
async def test_what_says_nothing_in_a_message_is_left_out_for_a_server_that_does_not_take_it(
    fake: FakeProvider, provider: OpenAICompatibleProvider, message: str, key: str
) -> None:
    said = (
        {"role": "user", "content": "Hi", "name": "ada"},
        {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."},
        {"role": "user", "content": "More"},
    )
    request = replace(PLAIN, as_sent=said)
    fake.enqueue(failure(400, message))
    for _ in range(2):
        await reply_of(provider, request)
        told = last(fake)["messages"][-3:]
        assert [each["content"] for each in told] == ["Hi", "Hello", "More"]
        assert not any(key in each for each in told)
    assert len(fake.chats) == 3
    assert ("name" in last(fake)["messages"][-3]) == (key != "name")
