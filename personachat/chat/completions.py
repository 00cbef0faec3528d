"""Completions: a persona as a model that answers a caller's messages and remembers none of them.

The persona's prompt and examples come first, then the caller's messages. The caller's parameters override the
persona's, within the operator's limits. The caller never chooses the address or the key.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from personachat.chat.prompt_estimates import prompt_tokens
from personachat.conversations.model import Reply
from personachat.errors import RequestRefused
from personachat.messages import ChatMessage, ReplyEvent, Role, storable
from personachat.personas.persona import Persona
from personachat.personas.store.base import PersonaSource
from personachat.personas.variables import with_values
from personachat.providers.base import ChatRequest
from personachat.providers.parameters import only_tunes
from personachat.providers.registry import ModelChoice, ProviderRegistry
from personachat.replies.concealing import concealed
from personachat.replies.engine import DELAYS_OF_A_STAND_IN, ReplyLimits, reply
from personachat.replies.live import LiveReply
from personachat.replies.request import chat_request
from personachat.replies.runner import ReplyRunner
from personachat.replies.stand_in import with_stand_in
from personachat.usage.model import Origin, Surface

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


_OF_NO_MEANING = frozenset({"name", "reasoning", "reasoning_content"})
"""Keys of a message that mean nothing to a model that only takes plain text."""


MOST_NESTED = 200
"""How deep a caller's JSON may be nested: encoders fail long before parsers do."""

_PassedOn = TypeVar("_PassedOn", Mapping[str, Any], Sequence[Mapping[str, Any]])


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A caller's request. None means the persona's own value.

    `more` are further parameters, as on the wire.
    """

    messages: Sequence[Mapping[str, Any]]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Values for the persona's variables. They are never passed on."""
    may_shorten: bool = False
    """Whether the oldest messages may be dropped if they don't fit the model."""


@dataclass(frozen=True, slots=True)
class StartedCompletion:
    """A reply that has started, and the request to the persona's model."""

    live_reply: LiveReply
    request: ChatRequest


class Completions:
    """The completions of every caller. Safe for threads."""

    def __init__(
        self,
        personas: PersonaSource,
        providers: ProviderRegistry,
        runner: ReplyRunner,
        *,
        limits: ReplyLimits,
        max_tokens: int | None,
    ) -> None:
        self._personas = personas
        self._providers = providers
        self._runner = runner
        self._limits = limits
        self._max_tokens = max_tokens

    def over(self, personas: PersonaSource) -> Completions:
        """The same completions over other personas; cheap."""
        return Completions(
            personas, self._providers, self._runner, limits=self._limits, max_tokens=self._max_tokens
        )

    def start(
        self, persona_id: str, ask: CompletionRequest, *, owner: str = "", surface: Surface = "v1_chat"
    ) -> StartedCompletion:
        """Start a reply. It ends soon after nobody follows it any more.

        `owner` and `surface` say who it is counted for. Raises ShuttingDown, PersonaNotFound, PersonaBroken,
        RequestRefused if the model doesn't accept such a request, and a ProviderError if no model can answer.
        """
        self._runner.admit()
        entry = self._personas.get(persona_id)
        persona = with_values(entry.persona, ask.variables)
        answering = self._providers.resolve(persona.model)
        request = self._request(persona, ask, answering)
        first = Reply(provider=answering.provider.name, model=answering.model, reason=answering.reason)
        origin = Origin(
            owner=owner,
            surface=surface,
            persona_id=entry.id,
            persona_revision=entry.etag,
            model_asked=persona.model,
            prompt_tokens=prompt_tokens(request),
            most_tokens=request.max_tokens,
        )
        live_reply = LiveReply(durable=False, first=first, persona_id=entry.id, origin=origin)

        def events(_: str) -> AsyncGenerator[ReplyEvent]:
            replies = self._events(answering, request)
            return concealed(replies) if entry.concealed else replies

        return StartedCompletion(self._runner.start(live_reply, events, remembered=False), request)

    def _request(self, persona: Persona, ask: CompletionRequest, answering: ModelChoice) -> ChatRequest:
        if not answering.provider.passes_on:
            ask = _understood(ask, answering)
        messages, as_sent = _split(ask.messages)
        request = chat_request(persona, messages, model=answering.model)
        return replace(
            request,
            pinned=request.pinned if ask.may_shorten else len(request.messages),
            temperature=request.temperature if ask.temperature is None else ask.temperature,
            top_p=request.top_p if ask.top_p is None else ask.top_p,
            max_tokens=self._longest(persona, ask),
            stop=request.stop if ask.stop is None else tuple(map(storable, ask.stop)),
            as_sent=tuple(_sendable(as_sent)),
            more={**request.more, **_sendable(ask.more)},
        )

    def _longest(self, persona: Persona, ask: CompletionRequest) -> int:
        tokens = persona.max_tokens if ask.max_tokens is None else ask.max_tokens
        return tokens if self._max_tokens is None else min(tokens, self._max_tokens)

    def _events(self, answering: ModelChoice, request: ChatRequest) -> AsyncGenerator[ReplyEvent]:
        """The reply, by the default model if the provider turns out not to have the persona's."""

        def ask_stand_in(stand_in: ModelChoice, *, retries: int) -> AsyncGenerator[ReplyEvent]:
            return reply(
                stand_in.provider,
                replace(request, model=stand_in.model),
                limits=self._limits,
                retry_delays_seconds=DELAYS_OF_A_STAND_IN,
                retries=retries,
            )

        return with_stand_in(
            reply(answering.provider, request, limits=self._limits),
            find=lambda: self._providers.stand_in(answering),
            ask=ask_stand_in,
        )


def _split(
    messages: Sequence[Mapping[str, Any]],
) -> tuple[list[ChatMessage], list[Mapping[str, Any]]]:
    """The plain messages at the start, which every provider accepts, and the rest, which is passed on."""
    conversation: list[ChatMessage] = []
    for number, message in enumerate(messages):
        if message.keys() - {"role", "content"} or not isinstance(message.get("content"), str):
            return conversation, list(messages[number:])
        role = _ROLES.get(message["role"])
        if role is None:
            return conversation, list(messages[number:])
        conversation.append(ChatMessage(role, storable(message["content"])))
    return conversation, []


def _sendable(passed_on: _PassedOn) -> _PassedOn:
    """A caller's JSON, with U+FFFD for lone surrogates, which no request can contain.

    Raises RequestRefused for numbers that JSON doesn't have and for nesting that is too deep.
    """
    if not _is_flat(passed_on):
        raise RequestRefused(f"The request is nested deeper than {MOST_NESTED} levels.", hint="Flatten it.")
    try:
        text = json.dumps(passed_on, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise RequestRefused("The request holds a number that isn't finite.", hint="Leave it out.") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        whole: _PassedOn = json.loads(storable(text))
        return whole
    return passed_on


def _is_flat(passed_on: object) -> bool:
    level = [passed_on]
    for _ in range(MOST_NESTED):
        level = [
            inner
            for each in level
            for inner in (
                each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()
            )
        ]
        if not level:
            return True
    return False


def _understood(ask: CompletionRequest, answering: ModelChoice) -> CompletionRequest:
    """The parameters for a provider that doesn't pass on everything: those that only tune are left out.

    Raises RequestRefused for a parameter that would change what the answer means.
    """
    more = {name: value for name, value in ask.more.items() if not only_tunes(name, ask.more)}
    messages = [_without_extras(message) for message in ask.messages]
    refused = sorted(more.keys() - answering.provider.takes)
    _, as_sent = _split(messages)
    if refused or as_sent:
        what = " or ".join(refused) if refused else f"{as_sent[0]['role']} messages of that kind"
        raise RequestRefused(
            f"{answering.model} accepts plain text only: no {what}.",
            hint="Leave it out, or choose a persona with another model.",
        )
    return replace(ask, messages=messages, more=more)


def _without_extras(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message without keys that mean nothing to a plain-text model. A refusal becomes its text."""
    plain = {name: value for name, value in message.items() if name not in _OF_NO_MEANING}
    if message["role"] == "assistant" and plain.get("content") is None and "tool_calls" not in plain:
        plain["content"] = plain.get("refusal") or ""
        plain.pop("refusal", None)
    return plain
