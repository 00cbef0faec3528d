"""What one model is asked for a persona and a path: the persona's part, and as much of the path as fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from personachat.conversations.model import Turn
from personachat.messages import ChatMessage
from personachat.personas.persona import Persona
from personachat.personas.prompt import PersonaPart, Scene, persona_part, with_inserted
from personachat.providers import parameters as model_parameters
from personachat.providers.base import ChatRequest
from personachat.providers.registry import ModelChoice
from personachat.replies.context import (
    EarlierSummary,
    FittedContext,
    PathWords,
    TurnPath,
    fitted,
    latest_summary,
    measured_scale,
    most_tokens,
)
from personachat.replies.summaries import longest_summary_tokens
from personachat.usage import pricing

SUMMED_UP_FILL = 0.6
"""How full the window may be after summing up. Fuller, every further turn would need another summary."""

LORE_FILL = 1 / 3
"""How much of the window lore may fill. More, and a big book would leave no room for the conversation."""

NOT_YET_SUMMED_UP = "(The earlier turns are summed up here when this is sent.)"


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """The request for one reply, and which model it goes to."""

    answering: ModelChoice
    persona: Persona
    context: FittedContext
    """What is sent without a further summary."""
    window_tokens: int | None
    to_sum_up: FittedContext | None
    """What is sent with a further summary of the turns dropped here; None if none is needed."""
    fit: Callable[..., FittedContext]
    """Fits the path together with a `summary`."""
    own: PersonaPart
    """What the persona adds, whichever model answers."""

    def request(self, context: FittedContext) -> ChatRequest:
        request = request_of(
            self.persona, context.messages, pinned=context.pinned, model=self.answering.model
        )
        return replace(request, kept_last=context.kept_last)

    def summed_up(self, text: str = NOT_YET_SUMMED_UP) -> FittedContext:
        """What is sent with this as the further summary, if one is needed."""
        if self.to_sum_up is None or self.to_sum_up.memory_from is None:
            return self.context
        return self.fit(summary=EarlierSummary(text, self.to_sum_up.memory_from))


def planned_request(
    persona: Persona, path: Sequence[Turn], answering: ModelChoice, *, own: PersonaPart | None = None
) -> PlannedRequest:
    """Fit the path into the window of the model that answers. `own` is what the persona adds, if known."""
    words = PathWords.of(path)
    own = own or own_part(persona, words)
    everything = most_tokens(words, pinned=own.messages, inserted=own.inserted)
    window = window_tokens(persona, answering, needed_tokens=everything)
    if window and own.lore.tokens > window * LORE_FILL:
        own = own_part(persona, words, most_lore_tokens=int(window * LORE_FILL))
    provider, model = answering.provider.name, answering.model
    scale = measured_scale(
        words, pinned=own.all_messages, persona_id=persona.id, provider=provider, model=model
    )
    fits = partial(fit, persona, words, own=own, window_tokens=window, scale=scale)
    context = fits()
    to_sum_up = None
    if context.dropped and persona.summarize and window:
        earlier = latest_summary(path)
        context = fits(summary=earlier)
        if context.dropped:
            room = 0 if earlier else longest_summary_tokens(window)
            to_sum_up = fits(summary=earlier, window_tokens=int(window * SUMMED_UP_FILL) - room)
    return PlannedRequest(answering, persona, context, window, to_sum_up, fits, own)


def window_tokens(
    persona: Persona, answering: ModelChoice, *, needed_tokens: int | None = None
) -> int | None:
    """The smallest known window: the persona's own, the provider's, or the price list's.

    The price list takes time to load. It isn't asked if any model would fit `needed_tokens`.
    """
    windows = [persona.context_tokens, answering.provider.window_tokens(answering.model)]
    if needed_tokens is None or needed_tokens > pricing.SMALLEST_WINDOW_TOKENS * 3 // 4:
        windows.append(pricing.window_tokens(answering.provider.name, answering.model))
    return min((tokens for tokens in windows if tokens), default=None)


def fit(
    persona: Persona,
    path: TurnPath,
    *,
    own: PersonaPart | None = None,
    window_tokens: int | None,
    scale: float | None = None,
    summary: EarlierSummary | None = None,
) -> FittedContext:
    """Fit a path behind the persona's own messages, with room for the reply."""
    own = own or own_part(persona, path)
    return fitted(
        path,
        pinned=own.messages,
        inserted=own.inserted,
        window_tokens=window_tokens,
        reserved_tokens=min(persona.max_tokens, window_tokens // 4) if window_tokens else 0,
        scale=scale,
        summary=summary,
    )


def own_part(persona: Persona, path: TurnPath = (), *, most_lore_tokens: int | None = None) -> PersonaPart:
    """What the persona adds to a path now: its messages, and the lore that the path activates."""
    words = PathWords.of(path)
    turns = words.turns
    scene = Scene(
        # A fork has turns with other ids and the same times.
        conversation=turns[0].created_at.isoformat() if turns else "",
        idle=_idle(turns),
    )
    if most_lore_tokens is not None:
        scene = replace(scene, most_lore_tokens=most_lore_tokens)
    # The server's own day and time.
    return persona_part(persona, words.messages, today=datetime.now().astimezone(), scene=scene)


def _idle(turns: Sequence[Turn]) -> timedelta | None:
    """How long the user was silent before their last message; None if it was the first."""
    earlier = [turn.created_at for turn in turns[:-1] if turn.role == "user"]
    return datetime.now(UTC) - earlier[-1] if earlier else None


def parameters(persona: Persona) -> dict[str, Any]:
    """The fields of a ChatRequest that come from a persona, besides the messages, in a form to store."""
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
    """The request for these messages with the persona's parameters."""
    return ChatRequest(model, messages, pinned, **(parameters(persona) | {"stop": persona.stop}))


def chat_request(persona: Persona, history: Sequence[ChatMessage], *, model: str) -> ChatRequest:
    """The exact request for this persona and a history that fits."""
    own = persona_part(persona, history, today=datetime.now().astimezone())
    turns = [message for message, _ in with_inserted(history, own.inserted)]
    return request_of(persona, (*own.messages, *turns), pinned=len(own.messages), model=model)
