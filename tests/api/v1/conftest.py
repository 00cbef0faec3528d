"""OpenAI's own SDK as the client, sync and async, with its strict validation of every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAI

from personachat.services import Services
from tests.api.conftest import served


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    """Where /v1 is served."""
    with served(services) as client:
        yield str(client.base_url).replace("/api/", "/v1")


@pytest.fixture
def http(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, timeout=20) as client:
        yield client


@pytest.fixture
def sdk(address: str) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=address, api_key="not-needed", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
async def async_sdk(address: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=address, api_key="not-needed", max_retries=0, _strict_response_validation=True
    ) as client:
        yield client
