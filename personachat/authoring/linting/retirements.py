"""Models that their makers have retired or will retire, and what to use instead.

The dates are in retirements.json, from the makers' own pages on the day named there. They apply to the
makers' own servers: others who run the same model may keep it. The price list of the installed genai-prices
also marks some models as deprecated, without a date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Retirement:
    """When a maker shuts a model down (or did), and which of its models it recommends; "" for none."""

    maker: str
    on: date
    instead: str


@cache
def retirements() -> dict[str, Retirement]:
    """Every model with a date, by its maker's name for it."""
    data = json.loads(files(__package__).joinpath("retirements.json").read_text("utf-8"))
    return {
        model: Retirement(maker["maker"], date.fromisoformat(group["on"]), group["instead"])
        for maker in data["makers"]
        for group in maker["retired"]
        for model in group["models"]
    }


def retirement(model: str) -> Retirement | None:
    """The date of a model under its own name or a gateway's (`maker/model`); None if unknown."""
    return retirements().get(model.lower()) or retirements().get(model.lower().rpartition("/")[2])


@lru_cache(maxsize=1024)
def deprecated(provider: str, model: str) -> bool:
    """Whether the price list says that this provider's model should not be used any more."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # a third of a second; see pricing

    maker, slash, name = model.rpartition("/")
    for seller, name_at_seller in ((provider, model), (maker, name) if slash else (None, model)):
        if seller is None and provider != "openai":
            continue
        try:
            _, info = get_snapshot().find_provider_model(name_at_seller, None, seller, None)
        except LookupError:
            continue
        return bool(info.deprecated)
    return False
