"""What the tests of refused parameters share: requests, a clock, and refusals as providers word them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from personachat.providers.base import ChatRequest
from tests.fake_provider import FakeProvider, Reply, failure
from tests.providers.conftest import HELLO

TOO_LARGE = (
    "max_tokens is too large: 200000. This model supports at most 16384 completion tokens, "
    "whereas you provided 200000."
)

PLAIN = ChatRequest("gpt-x", HELLO, temperature=0.7, max_tokens=1000)

GREEDY = replace(PLAIN, max_tokens=200_000)


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def unsupported(name: str, message: str = "is not supported with this model.") -> Reply:
    return failure(
        400, f"Unsupported parameter: '{name}' {message}", error_code="unsupported_parameter", param=name
    )


def last(fake: FakeProvider) -> Mapping[str, Any]:
    body: Mapping[str, Any] = fake.chats[-1].body
    return body
