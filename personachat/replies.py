"""From a persona and what was said to the events of a reply: who is asked, what, and who stands in.

Nothing is asked before the events are iterated, on the engine's loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from personachat.conversations.model import Reply
from personachat.engine import ReplyLimits, reply
from personachat.errors import ModelNotFound, ProviderError
from personachat.messages import ChatMessage, Failed, Noticed, ReplyEvent, Started
from personachat.persona import Persona
from personachat.prompts import compile_prompt
from personachat.providers.base import ChatRequest
from personachat.providers.registry import Answering, ProviderRegistry


class Replies:
    """Plans replies over these providers, within these limits."""

    def __init__(self, providers: ProviderRegistry, *, limits: ReplyLimits) -> None:
        self._providers = providers
        self._limits = limits

    def plan(
        self, persona: Persona, history: Sequence[ChatMessage], *, offline: bool
    ) -> tuple[Reply, Callable[[], AsyncGenerator[ReplyEvent]]]:
        """Say who answers, and how to begin. Where nobody can, the events are one Failed that says why.

        `offline` asks for the embedded model whatever the persona names.
        """
        try:
            answering = self._providers.resolve(persona.model, offline=offline)
        except ProviderError as error:
            failed = Failed.of(error)
            return Reply(model=persona.model), lambda: _only(failed)
        request = chat_request(persona, history, model=answering.model)
        first = Reply(provider=answering.provider.name, model=answering.model, reason=answering.reason)
        return first, lambda: self._stream(answering, request)

    async def _stream(self, answering: Answering, request: ChatRequest) -> AsyncGenerator[ReplyEvent]:
        """The reply; by the default model, where the provider turns out not to have the persona's."""
        stand_in: Answering | None = None
        accepted = False
        async with aclosing(reply(answering.provider, request, limits=self._limits)) as events:
            async for event in events:
                accepted = accepted or isinstance(event, Started)
                if isinstance(event, Failed) and event.code == ModelNotFound.code and not accepted:
                    stand_in = self._providers.stand_in(answering)
                if stand_in is None:
                    yield event
        if stand_in is not None:
            request = replace(request, model=stand_in.model)
            async with aclosing(reply(stand_in.provider, request, limits=self._limits)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, Started):
                        yield Noticed(stand_in.reason)


def chat_request(persona: Persona, history: Sequence[ChatMessage], *, model: str) -> ChatRequest:
    """Exactly what a provider is asked for this persona and history."""
    prompt = compile_prompt(persona, history, today=date.today())  # noqa: DTZ011  # the server's own day
    return ChatRequest(
        model=model,
        messages=prompt.messages,
        pinned=prompt.pinned,
        temperature=persona.temperature,
        max_tokens=persona.max_tokens,
        top_p=persona.top_p,
        stop=persona.stop,
    )


async def _only(event: ReplyEvent) -> AsyncGenerator[ReplyEvent]:
    yield event
