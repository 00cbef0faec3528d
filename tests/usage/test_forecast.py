"""A forecast is what messages usually take, else what one may take; an unknown price is no price."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.messages import Usage
from personachat.usage.forecast import ENOUGH_CALLS, Forecast, Medians, Price, forecast, medians_of

KNOWN = Medians(40, prompt_tokens=900, completion_tokens=120)


def a_cent_a_token(usage: Usage) -> float:
    return ((usage.prompt_tokens or 0) + (usage.completion_tokens or 0)) / 100


def unknown(_: Usage) -> None:
    return None


@pytest.fixture
def made() -> Callable[..., Forecast]:
    def make(
        *,
        prompt: int | None = None,
        medians: Medians = KNOWN,
        price: Price = a_cent_a_token,
        most: int = 1000,
    ) -> Forecast:
        return forecast(
            prompt_tokens=prompt, estimated_tokens=50, most_tokens=most, medians=medians, price=price
        )

    return make


def test_it_goes_by_the_medians_of_this_persona_and_model(made: Callable[..., Forecast]) -> None:
    assert made() == Forecast(900, 120, 1000, 10.2, 19.0, "medians", 40)


def test_what_is_known_of_the_prompt_goes_before_its_median(made: Callable[..., Forecast]) -> None:
    assert made(prompt=300).prompt_tokens == 300
    assert made(prompt=300).cost_usd == 4.2


def test_without_enough_calls_it_goes_by_the_limits_and_says_so(made: Callable[..., Forecast]) -> None:
    assert made(medians=Medians()) == Forecast(50, 1000, 1000, 10.5, 10.5, "limits", 0)


def test_a_persona_with_a_lower_limit_than_it_had_replies_within_it(made: Callable[..., Forecast]) -> None:
    assert made(most=30).completion_tokens == 30


def test_an_unknown_price_is_none_and_a_free_model_costs_nothing(made: Callable[..., Forecast]) -> None:
    assert (made(price=unknown).cost_usd, made(price=unknown).cost_usd_most) == (None, None)
    assert made(price=lambda _: 0.0).cost_usd == 0.0


def test_too_few_calls_have_no_median() -> None:
    few = [100] * (ENOUGH_CALLS - 1)
    assert medians_of(few, few) == Medians(len(few), None, None)
    assert medians_of([*few, 100], few) == Medians(ENOUGH_CALLS, 100, None)
    assert medians_of([1, 2, 3, 1000, 5], [0, 0, 0, 0, 7]) == Medians(5, 3, 0)
