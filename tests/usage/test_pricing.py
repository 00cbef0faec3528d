"""Prices and windows: those of genai-prices, found whatever a provider is called here."""

from __future__ import annotations

import subprocess
import sys

import pytest
from genai_prices import Usage as Counted
from genai_prices import calc_price

from personachat.messages import Usage
from personachat.usage.pricing import SMALLEST_WINDOW_TOKENS, cost_usd, warm_up, window_tokens

USED = Usage(1_000, 500)


def list_price(model: str, provider: str) -> float:
    counted = Counted(input_tokens=1_000, output_tokens=500)
    return float(calc_price(counted, model, provider_id=provider).total_price)


@pytest.mark.parametrize(
    ("provider", "model", "maker", "name"),
    [
        ("openai", "gpt-4o", "openai", "gpt-4o"),
        ("openai", "gpt-4o-2024-08-06", "openai", "gpt-4o-2024-08-06"),
        ("acme", "gpt-4o", "openai", "gpt-4o"),
        ("acme", "claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
        ("groq", "llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("openai", "openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        ("acme", "anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
        ("acme", "gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("acme", "openrouter/openai/gpt-4o", "openai", "gpt-4o"),
    ],
)
def test_a_reply_costs_the_list_price_whatever_the_provider_is_called(
    provider: str, model: str, maker: str, name: str
) -> None:
    cost = cost_usd(provider, model, USED)

    assert cost == list_price(name, maker)
    assert cost > 0


def test_the_figures_are_dollars_for_a_million_tokens() -> None:
    assert cost_usd("openai", "gpt-4", Usage(1_000_000, 0)) == 30
    assert cost_usd("openai", "gpt-4", Usage(0, 1_000_000)) == 60


@pytest.mark.parametrize("model", ["fake-1", "gpt-x", "", "/", "nobody/nothing", "whisper-1", "llama3.2:3b"])
def test_what_is_not_known_has_no_price(model: str) -> None:
    assert cost_usd("openai", model, USED) is None
    assert window_tokens("openai", model) is None


def test_the_embedded_model_has_no_price() -> None:
    assert cost_usd("local", "gpt-4", USED) is None
    assert window_tokens("local", "gpt-4") is None


def test_a_copy_of_ones_own_is_not_charged_as_its_makers() -> None:
    assert cost_usd("ollama", "deepseek-r1", USED) is not None
    assert cost_usd("ollama", "deepseek-r1:7b", USED) is None


def test_what_a_gateway_gives_away_costs_nothing_only_where_it_is_known_to() -> None:
    assert cost_usd("openrouter", "meta-llama/llama-3.3-70b-instruct:free", USED) == 0
    assert cost_usd("openrouter", "openai/gpt-4o:free", USED) is None


@pytest.mark.parametrize("usage", [Usage(), Usage(1_000, None), Usage(None, 500), Usage(-1, 5)])
def test_a_count_that_is_missing_is_not_taken_for_nothing(usage: Usage) -> None:
    assert cost_usd("openai", "gpt-4o", usage) is None


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("openai", "gpt-4", 8_192),
        ("openai", "gpt-4o", 128_000),
        ("openai", "openai/gpt-4o", 128_000),
        ("acme", "gpt-4o-2024-08-06", 128_000),
    ],
)
def test_a_window_is_known_by_the_models_name(provider: str, model: str, tokens: int) -> None:
    assert window_tokens(provider, model) == tokens
    assert tokens >= SMALLEST_WINDOW_TOKENS


def test_a_window_is_looked_for_where_the_seller_does_not_tell_it() -> None:
    assert window_tokens("azure", "gpt-4o") == 128_000


def test_the_figures_are_loaded_at_the_first_question_and_by_warming_up() -> None:
    program = (
        "import sys, personachat.replies.planner, personachat.usage.pricing as pricing; "
        "print('genai_prices' in sys.modules); pricing.warm_up(); print('genai_prices.data' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.split() == ["False", "True"]
    warm_up()


def test_cached_tokens_cost_what_they_cost() -> None:
    used = Usage(20_212, 931, cached_tokens=16_298)
    counted = Counted(input_tokens=20_212, cache_read_tokens=16_298, output_tokens=931)
    cost = cost_usd("openai", "gpt-4o", used)
    assert cost == float(calc_price(counted, "gpt-4o", provider_id="openai").total_price)
    uncached = cost_usd("openai", "gpt-4o", Usage(20_212, 931))
    assert cost is not None
    assert uncached is not None
    assert cost < uncached


@pytest.mark.parametrize("cached", [0, None, 5_000])
def test_odd_counts_of_cached_tokens_still_have_a_price(cached: int | None) -> None:
    cost = cost_usd("openai", "gpt-4o", Usage(1_000, 500, cached_tokens=cached))
    assert cost is not None
    assert cost > 0
