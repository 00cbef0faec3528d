"""A provider that plays a persona: what it answers is a function of what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tests.fake_provider import FakeProvider, Reply, status, tokens

Script: TypeAlias = Callable[[Mapping[str, Any]], str | Reply]
"""From a request's body to the reply's text, or to the reply itself."""


def last_words(body: Mapping[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def is_judging(body: Mapping[str, Any]) -> bool:
    return "You judge one reply" in str(body["messages"][0]["content"])


def verdict(answer: str, quote: str, reason: str = "It says so.") -> str:
    return json.dumps({"reason": reason, "quote": quote, "answer": answer})


class ScriptedProvider(FakeProvider):
    """What isn't queued is answered by `script`."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = lambda body: f"You said: {last_words(body)}"

    def _echo(self, body: Mapping[str, Any]) -> Reply:
        answer = self.script(body)
        return answer if isinstance(answer, Reply) else tokens([answer], usage=(10, 5))


def broken() -> Reply:
    """A provider that is out of order; nothing is tried again for it."""
    return status(401, body={"error": {"message": "no", "type": "x", "code": "invalid_api_key"}})
