"""Which models their makers have retired, or have said they will, and what to take instead.

The dates are in retirements.json, as the makers' own pages gave them on the day named there. They hold for
the makers' own servers: somebody else who runs the same model may keep it. Beyond them the price list of the
installed genai-prices marks some models as deprecated, without a date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Retirement:
    """When a maker shuts a model down (or did), and which of its models it names instead; "" for none."""

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
    """The date of a model under its own name or a gateway's (`maker/model`); None if none is known."""
    return retirements().get(model.lower()) or retirements().get(model.lower().rpartition("/")[2])


@lru_cache(maxsize=1024)
def deprecated(provider: str, model: str) -> bool:
    """Whether the price list says of this provider's model that it should not be used any more."""
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
