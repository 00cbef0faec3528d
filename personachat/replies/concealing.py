"""Errors in replies of personas with a hidden prompt: a provider's words may quote what it was sent.

A quotation can't be told from other words, so only the kind of error is shown.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from personachat.messages import Failed, ReplyEvent

OURS = frozenset(
    {
        *("first_token_timeout", "idle_timeout", "reply_timeout", "connection_lost", "interrupted"),
        *("stopped", "shutting_down", "too_many_replies", "api_key_missing", "no_model_available"),
    }
)
"""Codes of errors whose messages are entirely ours."""


async def concealed(events: AsyncGenerator[ReplyEvent]) -> AsyncGenerator[ReplyEvent]:
    """The same events; errors lose the provider's words."""
    async with aclosing(events):
        async for event in events:
            yield quiet(event) if isinstance(event, Failed) else event


def quiet(failed: Failed) -> Failed:
    """The same error without the provider's words."""
    if failed.code in OURS:
        return failed
    return replace(
        failed,
        message="The model's provider did not answer this request.",
        hint="What it said is hidden, like this persona's prompt. Try again, or ask the persona's owner.",
    )
