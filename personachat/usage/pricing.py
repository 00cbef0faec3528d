"""Prices and context windows of models: the data of the package genai-prices, as installed.

Unpriced is not free: an unknown price is None, unless the operator sets a substitute. Nothing is downloaded.
The data takes a third of a second to load, at first use or in `warm_up`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from personachat.messages import Usage
from personachat.settings import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider

GATEWAY = "openrouter"
"""The provider whose names for models, maker/model, other gateways use as well."""

SMALLEST_WINDOW_TOKENS = 4000
"""Tokens; no known chat model has a smaller window."""

_OWN_COPY = re.compile(r":(latest|e?\d+(\.\d+)?[bm])\b")
"""Tags of Ollama's library: a copy of one's own, for which its maker charges nothing."""

_FREE = ":free"

_assumed_usd: float | None = None
"""Per million tokens, if no price is known."""


def assume(usd_per_million_tokens: float | None) -> None:
    """Use this price for every model whose price is unknown; None uses nothing."""
    global _assumed_usd  # noqa: PLW0603  # one process, one operator
    _assumed_usd = usd_per_million_tokens


def warm_up() -> None:
    """Load the data, for the life of the process."""
    _snapshot()


def window_tokens(provider: str, model: str) -> int | None:
    """How many tokens a model's window has; None if unknown.

    `provider` is a provider's name here, which needn't say who made the model: then the model's own name
    decides.
    """
    return next((info.context_window for _, info in _matches(provider, model) if info.context_window), None)


def cost_usd(provider: str, model: str, usage: Usage) -> float | None:
    """The cost of a request at today's list price, in US dollars; None if a price or a count is unknown."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    if min(usage.prompt_tokens, usage.completion_tokens) < 0:
        return None
    from genai_prices import Usage as Counted  # noqa: PLC0415  # see the module

    counted = Counted(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=min(usage.cached_tokens or 0, usage.prompt_tokens),
        output_tokens=usage.completion_tokens,
    )
    for seller, info in _matches(provider, model):
        price = info.calc_price(counted, seller)
        if _is_priced(price.model_price) or info.id.endswith(_FREE):
            return float(price.total_price)
    if _assumed_usd is None:
        return None
    return (usage.prompt_tokens + usage.completion_tokens) * _assumed_usd / 1_000_000


def _is_priced(price: ModelPrice) -> bool:
    """Whether it is a price for text; images and minutes of sound don't matter in a chat."""
    return price.input_mtok is not None and price.output_mtok is not None


@lru_cache(maxsize=1024)
def _matches(provider: str, model: str) -> tuple[tuple[Provider, ModelInfo], ...]:
    """Possible makers of the model, likeliest first."""
    if provider == LOCAL or ("/" not in model and _OWN_COPY.search(model)):
        return ()
    matches = []
    for seller, name in _candidates(provider, model):
        try:
            match = _snapshot().find_provider_model(name, None, seller, None)
        except LookupError:
            continue
        if not name.endswith(_FREE) or match[1].id.endswith(_FREE):
            matches.append(match)
    return tuple(matches)


def _candidates(provider: str, model: str) -> Iterator[tuple[str | None, str]]:
    yield provider, model
    maker, slash, name = model.rpartition("/")
    if slash:
        yield GATEWAY, model
        yield maker.rpartition("/")[2], name
    yield None, name


@cache
def _snapshot() -> DataSnapshot:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # see the module

    return get_snapshot()
