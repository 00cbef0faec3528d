"""One reply from one provider: limits, retries, room for long conversations, and exactly one end.

Whatever a provider does, reply() yields at most one Started, first, and one Finished or Failed, last. Text
that came is never taken back. A request is sent again only while nobody has seen a token of the reply.
Cancelling, or closing the generator, ends the request upstream at once.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from personachat.errors import (
    BrokenStream,
    ContextTooLong,
    FirstTokenTimeout,
    IdleTimeout,
    PersonaChatError,
    ProviderError,
    ReplyTimeout,
    ReplyTruncated,
    unforeseen,
)
from personachat.messages import (
    ChatMessage,
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    ToolCallsDelta,
    storable,
)
from personachat.providers.base import ChatRequest, Provider, ProviderEvent
from personachat.usage.words import current_words

log = logging.getLogger(__name__)

RETRY_DELAYS_SECONDS = (0.5, 1.0)
"""Seconds before each retry if the provider is temporarily unable to answer."""

DELAYS_OF_A_STAND_IN = RETRY_DELAYS_SECONDS[1:]
"""The same for a stand-in, after the first model was already tried: three requests per reply are enough."""

LONGEST_WAIT_SECONDS = 10.0
"""If a provider wants more time than this before a retry, the person decides."""

SHORTENINGS = 4
"""How often turns are dropped and the request sent again. The last time, all that can be dropped is."""

LONGEST_REPLY_CHARACTERS = 10_000_000
"""More than the largest model writes. A server that never stops must not fill the memory."""


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """Seconds to wait for the first token of a request, for each further one, and for the whole reply."""

    first_token_seconds: float = 60
    idle_seconds: float = 60
    reply_seconds: float = 600


async def reply(
    provider: Provider,
    request: ChatRequest,
    *,
    limits: ReplyLimits,
    retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
    retries: int = 0,
) -> AsyncGenerator[ReplyEvent]:
    """Answer a request; see the module. Raises nothing but CancelledError.

    `retries` is how many requests have already failed for this reply.
    """
    attempts = _Reply(provider, request, limits, retry_delays_seconds)
    attempts.retries = retries
    failure: Failed | None = None
    ended = False
    try:
        async with aclosing(attempts.events()) as events:
            async for event in events:
                ended = isinstance(event, Finished)
                started_at = attempts.clock()
                yield event
                attempts.held_seconds += attempts.clock() - started_at
    except PersonaChatError as error:
        failure = Failed.of(error, retries=attempts.retries)
    except Exception as error:  # noqa: BLE001  # the text that came is with the consumer; this is its end
        # Neither message nor values: either may contain a secret.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s failed with %s\n%s", provider.name, type(error).__name__, where)  # noqa: TRY400  # see above
        failure = Failed.of(unforeseen(), retries=attempts.retries)
    if failure and not ended:  # errors while a provider cleans up don't matter to the reply
        yield failure


class _Reply:
    """The requests that make up one reply."""

    def __init__(
        self,
        provider: Provider,
        request: ChatRequest,
        limits: ReplyLimits,
        retry_delays_seconds: Sequence[float],
    ) -> None:
        self._provider = provider
        self._request = request
        self._limits = limits
        self._delays = list(retry_delays_seconds)
        self.held_seconds = 0.0
        """Seconds the consumer held events back. No limit counts them: a paused reply is not a silent one."""
        self.retries = 0
        """How many requests have failed and were sent again."""
        self.clock = asyncio.get_running_loop().time
        self._deadline = self._now() + limits.reply_seconds
        self._started = False
        self._characters = 0
        self._shortenings = 0
        self._left_out = 0

    async def events(self) -> AsyncGenerator[ReplyEvent]:
        ended = False
        while not ended:
            try:
                async with aclosing(self._try()) as events:
                    async for event in events:
                        if isinstance(event, Finished):
                            ended = True
                            yield replace(event, retries=self.retries)
                        else:
                            yield event
            except ProviderError as error:
                if self._characters or ended:
                    raise
                if isinstance(error, ContextTooLong):
                    self._shorten(error)
                else:
                    await self._wait_to_retry(error)
                self.retries += 1

    async def _try(self) -> AsyncGenerator[ReplyEvent]:
        quiet_until = self._now() + self._limits.first_token_seconds
        if words := current_words.get():
            words.request = partial(self._provider.body, self._request)
        async with aclosing(self._provider.stream(self._request)) as events:
            while (event := await self._next(events, quiet_until)) is not None:
                if not self._started:
                    self._started = True
                    if isinstance(event, Started):
                        event = replace(event, retries=self.retries)
                    else:
                        yield Started(self._provider.name, self._request.model, retries=self.retries)
                elif isinstance(event, Started) and (self._characters or not event.form):
                    continue
                if self._left_out and not isinstance(event, (Started, Noticed)):
                    yield self._noticed()
                if isinstance(event, (TextDelta, ReasoningDelta)):
                    event = self._counted(event)
                    quiet_until = self._now() + self._limits.idle_seconds
                elif isinstance(event, ToolCallsDelta):
                    self._characters += 1  # text was seen: no second request is allowed
                    quiet_until = self._now() + self._limits.idle_seconds
                yield event
                if isinstance(event, Finished):
                    return
        raise ReplyTruncated(f"{self._provider.name} stopped unexpectedly.", hint="Try again.")

    async def _next(self, events: AsyncGenerator[ProviderEvent], quiet_until: float) -> ProviderEvent | None:
        """The next event; None at the end. No timeout is active at a yield: it would hit the consumer."""
        try:
            async with asyncio.timeout_at(min(quiet_until, self._deadline) + self.held_seconds) as limit:
                return await anext(events, None)
        except TimeoutError:
            if not limit.expired():
                raise
        raise self._overdue()

    def _now(self) -> float:
        return self.clock() - self.held_seconds

    def _overdue(self) -> ProviderError:
        limits = self._limits
        name = self._request.model
        if self._now() >= self._deadline:
            return ReplyTimeout(
                f"The reply took longer than {limits.reply_seconds:g} seconds.",
                hint="Continue the reply, or raise PERSONACHAT_REPLY_TIMEOUT_SECONDS.",
            )
        if not self._characters:
            return FirstTokenTimeout(
                f"{name} did not start to answer within {limits.first_token_seconds:g} seconds.",
                hint="Try again, or raise PERSONACHAT_FIRST_TOKEN_TIMEOUT_SECONDS for slow models.",
            )
        return IdleTimeout(
            f"{name} sent nothing for {limits.idle_seconds:g} seconds in the middle of the reply.",
            hint="Continue the reply, or raise PERSONACHAT_IDLE_TIMEOUT_SECONDS.",
        )

    def _counted(self, event: TextDelta | ReasoningDelta) -> TextDelta | ReasoningDelta:
        """The delta with characters replaced that can't be stored."""
        text = event.content
        self._characters += len(text)
        if self._characters > LONGEST_REPLY_CHARACTERS:
            raise BrokenStream(
                f"{self._request.model} did not stop writing.",
                hint="Choose another model, or set maxTokens.",
            )
        return event if _is_storable(text) else replace(event, content=storable(text))

    async def _wait_to_retry(self, error: ProviderError) -> None:
        """Wait for the next retry, or raise the error if there is none."""
        if not error.retryable or not self._delays:
            raise error
        wait = max(self._delays.pop(0), error.retry_after_seconds or 0)
        if wait > LONGEST_WAIT_SECONDS or self._now() + wait >= self._deadline:
            raise error
        await asyncio.sleep(wait)

    def _shorten(self, error: ContextTooLong) -> None:
        """Drop the older half of what can be dropped, the last time all. Raises the error if nothing can."""
        self._shortenings += 1
        request = self._request
        turns = _turns(request.messages[request.pinned : -request.kept_last])
        if not turns or self._shortenings > SHORTENINGS:
            raise error
        count = len(turns) if self._shortenings == SHORTENINGS else (len(turns) + 1) // 2
        dropped = sum(map(len, turns[:count]))
        self._left_out += dropped
        messages = request.messages[: request.pinned] + request.messages[request.pinned + dropped :]
        self._request = replace(request, messages=messages)

    def _noticed(self) -> Noticed:
        count, self._left_out = self._left_out, 0
        messages = "oldest message was" if count == 1 else f"oldest {count} messages were"
        return Noticed(
            (f"The {messages} left out because the conversation is longer than the model's context window."),
            left_out=count,
        )


def _turns(messages: Sequence[ChatMessage]) -> list[list[ChatMessage]]:
    """Group messages so that each group, except perhaps the first, begins with the user's."""
    turns: list[list[ChatMessage]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
