"""What one model is asked for a persona and a path: the persona's part, and as much of the path as fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from personachat import model_parameters, pricing
from personachat.context import (
    SCALE_BOUNDS,
    Fitted,
    Summary,
    fitted,
    latest_summary,
    measured_scale,
    with_words,
)
from personachat.conversations.model import Turn
from personachat.lore import BOOK
from personachat.messages import ChatMessage
from personachat.persona import Persona
from personachat.prompts import compile_prompt
from personachat.providers.base import ChatRequest
from personachat.providers.registry import Answering
from personachat.summaries import longest_summary_tokens

SUMMED_UP_FILL = 0.6
"""How full the window may be after summing up: otherwise every further turn would be another summary."""

NOT_YET_SUMMED_UP = "(The earlier turns are summed up here when this is sent.)"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is asked of whom for one reply."""

    answering: Answering
    persona: Persona
    told: Fitted
    """What the model is told as things are, without a further summary."""
    window_tokens: int | None
    to_sum_up: Fitted | None
    """What it is to be told with a further summary, of the turns dropped here; None where none is needed."""
    fit: Callable[..., Fitted]
    """Fits the path with a `summary`."""

    def request(self, told: Fitted) -> ChatRequest:
        return request_of(self.persona, told.messages, pinned=told.pinned, model=self.answering.model)

    def summed_up(self, text: str = NOT_YET_SUMMED_UP) -> Fitted:
        """What the model is told with this as the further summary, where one is needed."""
        if self.to_sum_up is None or self.to_sum_up.memory_from is None:
            return self.told
        return self.fit(summary=Summary(text, self.to_sum_up.memory_from))


def outgoing(persona: Persona, path: Sequence[Turn], answering: Answering) -> Outgoing:
    """Fit the path into the window of the model that answers."""
    own = own_messages(persona, path)
    provider, model = answering.provider.name, answering.model
    scale = measured_scale(path, pinned=own, persona_id=persona.id, provider=provider, model=model)
    everything = fit(persona, path, window_tokens=None, scale=max(SCALE_BOUNDS))
    window = window_tokens(persona, answering, needed_tokens=everything.prompt_tokens)
    fits = partial(fit, persona, path, window_tokens=window, scale=scale)
    told = fits()
    to_sum_up = None
    if told.dropped and persona.summarize and window:
        earlier = latest_summary(path)
        told = fits(summary=earlier)
        if told.dropped:
            room = 0 if earlier else longest_summary_tokens(window)
            to_sum_up = fits(summary=earlier, window_tokens=int(window * SUMMED_UP_FILL) - room)
    return Outgoing(answering, persona, told, window, to_sum_up, fits)


def window_tokens(persona: Persona, answering: Answering, *, needed_tokens: int | None = None) -> int | None:
    """The smallest window that is known: the persona's own, what the provider said, and the price list's.

    The price list, which takes its time to load, is not asked where any model would take `needed_tokens`.
    """
    known = [persona.context_tokens, answering.provider.window_tokens(answering.model)]
    if needed_tokens is None or needed_tokens > pricing.SMALLEST_WINDOW_TOKENS * 3 // 4:
        known.append(pricing.window_tokens(answering.provider.name, answering.model))
    return min((tokens for tokens in known if tokens), default=None)


def fit(
    persona: Persona,
    path: Sequence[Turn],
    *,
    window_tokens: int | None,
    scale: float | None = None,
    summary: Summary | None = None,
) -> Fitted:
    """Fit a path behind the persona's own messages, with room for its reply."""
    return fitted(
        path,
        pinned=own_messages(persona, path),
        window_tokens=window_tokens,
        reserved_tokens=min(persona.max_tokens, window_tokens // 4) if window_tokens else 0,
        scale=scale,
        summary=summary,
    )


def own_messages(persona: Persona, path: Sequence[Turn] = ()) -> tuple[ChatMessage, ...]:
    """The system message, with the lore that the path brings up, and the examples, as of today."""
    said = [turn.as_message() for _, turn in with_words(path)] if BOOK in persona.extensions else []
    return _own(persona, said)


def _own(persona: Persona, history: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    compiled = compile_prompt(persona, history, today=date.today())  # noqa: DTZ011  # the server's own day
    return compiled.messages[: compiled.pinned]


def parameters(persona: Persona) -> dict[str, Any]:
    """What a ChatRequest holds of a persona beyond the messages, as it can be stored."""
    return {
        "temperature": persona.temperature,
        "max_tokens": persona.max_tokens,
        "top_p": persona.top_p,
        "stop": list(persona.stop),
        **({"more": more} if (more := model_parameters.of_a_persona(persona.extensions)) else {}),
    }


def request_of(
    persona: Persona, messages: tuple[ChatMessage, ...], *, pinned: int, model: str
) -> ChatRequest:
    """The request for these messages, with the persona's parameters."""
    return ChatRequest(model, messages, pinned, **(parameters(persona) | {"stop": persona.stop}))


def chat_request(persona: Persona, history: Sequence[ChatMessage], *, model: str) -> ChatRequest:
    """Exactly what a provider is asked for this persona and a history that fits."""
    own = _own(persona, history)
    return request_of(persona, (*own, *history), pinned=len(own), model=model)
