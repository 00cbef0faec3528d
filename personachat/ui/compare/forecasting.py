"""The calls, tokens and money of a comparison before it is sent; or why it can't be sent."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.comparisons.model import Setup, Variant
from personachat.personas.persona import parse_persona
from personachat.personas.token_estimates import estimate_tokens
from personachat.services import Services
from personachat.services.workspace import Workspace
from personachat.ui import session
from personachat.ui.forecast_view import price_of
from personachat.ui.wording import counted, error_text, escaped, money, short
from personachat.usage.forecast import Forecast, forecast


def draw(
    services: Services,
    workspace: Workspace,
    setups: Sequence[Setup],
    message: str,
    *,
    messages: int,
    stop: float | None,
) -> str:
    """Draw the forecast of all variants; returns why it can't be sent, as Markdown; "" if it can."""
    try:
        variants = workspace.comparisons.preview(setups)
        forecasts = [_of(services, each, message) for each in variants]
    except PersonaChatError as error:
        st.warning(error_text(error), icon=":material/error:")
        return escaped(str(error))
    calls = len(forecasts) * messages
    tokens_in = sum(each.prompt_tokens for each in forecasts) * messages
    tokens_out = sum(each.completion_tokens for each in forecasts) * messages
    most = "" if all(each.basis == "medians" for each in forecasts) else "at most "
    costs = [each.cost_usd for each in forecasts if each.cost_usd is not None]
    cost = f"{most}{money(sum(costs) * messages)}" if len(costs) == len(forecasts) else "an unknown price"
    st.caption(
        escaped(
            f"{counted(calls, 'call')} · about {short(tokens_in)} tokens in, {most}{short(tokens_out)} "
            f"out · {cost}"
        )
        + (" · longer histories take more" if messages > 1 else "")
        + (escaped(f" · stops at {money(stop)}") if stop is not None else "")
    )
    if stop is not None and len(costs) < len(forecasts):
        sentence = "A cost limit isn't possible because the price of one of the models isn't known."
        st.warning(sentence, icon=":material/error:")
        return sentence
    return ""


def _of(services: Services, variant: Variant, message: str) -> Forecast:
    persona = parse_persona(variant.text)
    answering = services.models.answering(persona.model)
    provider, model = answering.provider.name, answering.model
    estimate = services.linter.estimate(persona)
    long = estimate.prompt_tokens + estimate_tokens(message)
    return forecast(
        prompt_tokens=long,
        estimated_tokens=long,
        most_tokens=estimate.reply_tokens_most,
        medians=session.workspace().insights.medians(persona_id=persona.id, provider=provider, model=model),
        price=price_of(provider, model),
    )
