"""An OpenAI-compatible provider whose server is fake, and what becomes of its replies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from personachat.errors import ProviderError
from personachat.messages import ChatMessage, Finished, Started, TextDelta
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider

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
