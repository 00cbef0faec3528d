"""The tokens and cost of the next message, on request, and what a message usually takes."""

from __future__ import annotations

import time
from typing import cast

import streamlit as st

from personachat.conversations.model import Conversation
from personachat.errors import PersonaChatError
from personachat.messages import Usage
from personachat.personas.persona import Persona
from personachat.personas.token_estimates import estimate_tokens
from personachat.services import Services
from personachat.settings import LOCAL
from personachat.ui import session
from personachat.ui.chat import actions
from personachat.ui.wording import counted, error_text, escaped, money
from personachat.usage import pricing
from personachat.usage.forecast import ENOUGH_CALLS, Forecast, Medians, Price, forecast

REMEMBERED_SECONDS = 60.0
"""Seconds that an editor keeps the medians it looked up: it is drawn with every keystroke."""

MOST_CHARACTERS = 200_000
_MEDIANS = "usual_medians"


def draw(services: Services, conversation: Conversation | None, persona: Persona) -> None:
    """Draw the forecast of the next message. The person can enter its text to have it counted."""
    words = st.text_area(
        "Your message",
        key=actions.FORECAST_WORDS,
        max_chars=MOST_CHARACTERS,
        placeholder="Paste it here to count its tokens, or leave this empty",
    )
    offline = session.is_offline_chosen()
    try:
        answering = services.models.answering(persona.model, offline=offline)
        long = prompt_tokens(services, conversation, persona, offline=offline)
        provider, model = answering.provider.name, answering.model
        medians = session.workspace().insights.medians(persona_id=persona.id, provider=provider, model=model)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    message = estimate_tokens(words or "")
    estimate = forecast(
        prompt_tokens=long + message,
        estimated_tokens=long + message,
        most_tokens=services.linter.estimate(persona).reply_tokens_most,
        medians=medians,
        price=price_of(provider, model),
    )
    asked_column, back, cost = st.columns(3)
    asked_column.metric(
        "Tokens in", f"{estimate.prompt_tokens:,}", help=("The prompt, this chat so far and your message.")
    )
    back.metric(
        "Tokens out" if estimate.basis == "medians" else "Tokens out, at most",
        f"{estimate.completion_tokens:,}",
    )
    cost.metric(
        "Cost" if estimate.basis == "medians" else "Cost, at most",
        escaped("Unknown price" if estimate.cost_usd is None else money(estimate.cost_usd)),
    )
    if message:
        st.caption(f"Your message is about {counted(message, 'token')} long.")
    st.caption(escaped(basis(estimate, persona.name, model)))


def prompt_tokens(
    services: Services, conversation: Conversation | None, persona: Persona, *, offline: bool
) -> int:
    """Tokens of the next message's prompt without its text. Raises PersonaChatError."""
    if conversation is None or not conversation.path:
        return services.linter.estimate(persona).prompt_tokens
    return session.workspace().inspection.memory(conversation, persona, offline=offline).used_tokens


def basis(estimate: Forecast, name: str, model: str) -> str:
    """Where the numbers come from, in sentences; plain text."""
    if estimate.basis == "limits":
        return (
            f"Based on the limits of {name}. There are fewer than {ENOUGH_CALLS} replies by {model} "
            "so far, too few to tell what is typical."
        )
    most = f"A reply takes at most {counted(estimate.completion_tokens_most, 'token')}"
    if estimate.cost_usd_most is not None:
        most += f"; the message would then cost {money(estimate.cost_usd_most)}"
    return f"Median of the last {estimate.calls} replies of {name} by {model}. {most}."


def price_of(provider: str, model: str) -> Price:
    """A call's cost at today's list price; nothing for the embedded model."""

    def price(usage: Usage) -> float | None:
        return 0.0 if provider == LOCAL else pricing.cost_usd(provider, model, usage)

    return price


def draw_usual(services: Services, persona: Persona, persona_id: str) -> None:
    """What messages to a saved persona usually take, on one line; nothing if too few are known."""
    try:
        answering = services.models.answering(persona.model)
        provider, model = answering.provider.name, answering.model
        medians = _remembered(persona_id, provider, model)
    except PersonaChatError:  # another part of the page reports the error
        return
    if medians.completion_tokens is None or medians.prompt_tokens is None:
        return
    estimate = forecast(
        prompt_tokens=None,
        estimated_tokens=0,
        most_tokens=services.linter.estimate(persona).reply_tokens_most,
        medians=medians,
        price=price_of(provider, model),
    )
    st.caption(escaped(usual_text(estimate, model)))


def usual_text(estimate: Forecast, model: str) -> str:
    """Plain text."""
    cost = "an unknown price" if estimate.cost_usd is None else f"about {money(estimate.cost_usd)}"
    return (
        f"Typically {estimate.prompt_tokens:,} tokens in, {estimate.completion_tokens:,} out, {cost} per "
        f"message (median of {estimate.calls} with {model})."
    )


def _remembered(persona_id: str, provider: str, model: str) -> Medians:
    key = (persona_id, provider, model)
    remembered = cast("tuple[object, float, Medians] | None", st.session_state.get(_MEDIANS))
    if remembered and remembered[0] == key and time.monotonic() - remembered[1] < REMEMBERED_SECONDS:
        return remembered[2]
    medians = session.workspace().insights.medians(persona_id=persona_id, provider=provider, model=model)
    st.session_state[_MEDIANS] = (key, time.monotonic(), medians)
    return medians
