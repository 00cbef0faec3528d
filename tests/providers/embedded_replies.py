"""Questions to the embedded model, and what its replies are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from personachat.messages import ChatMessage, TextDelta
from personachat.providers.base import ChatRequest
from personachat.providers.embedded.provider import MODEL_NAME, EmbeddedProvider, embedded_model_installed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from personachat.providers.base import ProviderEvent

needs_model = pytest.mark.skipif(not embedded_model_installed(), reason="the embedded model is not installed")

ENDLESS = "Count from one to one thousand in words."


def request(*texts: str, system: str = "", **sampling: Any) -> ChatRequest:
    """Texts alternate between user and assistant, from the user's."""
    turns = [ChatMessage("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]
    prompt = [ChatMessage("system", system)] if system else []
    return ChatRequest(MODEL_NAME, (*prompt, *turns), **{"temperature": 0, "max_tokens": 8, **sampling})


async def reply(provider: EmbeddedProvider, asked: ChatRequest) -> list[ProviderEvent]:
    return [event async for event in provider.stream(asked)]


def text_of(events: list[ProviderEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


async def first_text(events: AsyncGenerator[ProviderEvent]) -> TextDelta:
    return await anext(event async for event in events if isinstance(event, TextDelta))
