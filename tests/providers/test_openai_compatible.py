"""A chat with an OpenAI-compatible server that does as it should, over a real wire and the real SDK."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from contextlib import aclosing
from typing import Any

import pytest
import uvicorn

from personachat.errors import NotAStream
from personachat.messages import Finished, ReasoningDelta, Started, TextDelta, Usage, UsageReported
from personachat.providers.openai import client
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import (
    DONE,
    FakeProvider,
    Gate,
    Hang,
    Pause,
    Reply,
    chunk,
    hang,
    raw,
    sse,
    status,
    tokens,
)
from tests.providers.conftest import REQUEST, events_of, reply_of, text_of

pytestmark = pytest.mark.anyio


async def test_a_reply_is_started_text_usage_and_finished(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(5, 2)))
    seen, error = await events_of(provider)
    assert error is None
    assert seen[0] == Started("acme", "gpt-x")
    assert text_of(seen) == "Hello"
    assert seen[-2:] == [UsageReported(Usage(5, 2)), Finished("stop")]


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


async def test_an_idle_connection_is_closed_before_the_server_may_do_so(
    fake: FakeProvider, provider: OpenAICompatibleProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers_patience = inspect.signature(uvicorn.Config).parameters["timeout_keep_alive"].default
    assert servers_patience > client.IDLE_SECONDS
    monkeypatch.setattr(client, "IDLE_SECONDS", 0.01)
    await reply_of(provider)
    assert fake.connections == 1
    assert await asyncio.to_thread(fake.wait_for_no_connection, servers_patience - 1)


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


def test_the_module_does_not_import_the_sdk() -> None:
    code = "import sys, personachat.providers.openai.provider; print({'openai', 'httpx2'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


async def test_warming_up_asks_nobody(fake: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    await provider.warm_up()
    assert fake.requests == []
    assert provider._client is not None
