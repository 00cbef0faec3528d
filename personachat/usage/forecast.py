"""The cost and the tokens of a message before it is sent.

It uses the medians of the latest calls of this persona and model, if there are enough; otherwise their
limits, which give the highest cost. An unknown price is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

from sqlalchemy import Connection, select

from personachat.messages import Usage
from personachat.usage.questions import UsageQuery
from personachat.usage.tables import usage_calls

ENOUGH_CALLS = 5
LATEST_CALLS = 200

_LOOKED_AT = 5_000
"""How many of the newest calls are read: an unused persona must not cost a scan of all."""

Price: TypeAlias = Callable[[Usage], float | None]
Basis: TypeAlias = Literal["medians", "limits"]


@dataclass(frozen=True, slots=True)
class Medians:
    """Of so many calls; None if too few have the value."""

    calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """`completion_tokens` are usual ones for "medians", the most for "limits"; `cost_usd` matches them."""

    prompt_tokens: int
    completion_tokens: int
    completion_tokens_most: int
    cost_usd: float | None
    cost_usd_most: float | None
    basis: Basis
    calls: int
    """How many calls the medians are of."""


def forecast(
    *, prompt_tokens: int | None, estimated_tokens: int, most_tokens: int, medians: Medians, price: Price
) -> Forecast:
    """The forecast of one message.

    `prompt_tokens` is the length of the prompt, if known; otherwise it is the usual length, but at least
    `estimated_tokens`. `most_tokens` is the longest reply that is allowed.
    """
    usual = medians.completion_tokens
    if prompt_tokens is None:
        prompt_tokens = medians.prompt_tokens or estimated_tokens
    replied = most_tokens if usual is None else min(usual, most_tokens)
    return Forecast(
        prompt_tokens,
        replied,
        most_tokens,
        price(Usage(prompt_tokens, replied)),
        price(Usage(prompt_tokens, most_tokens)),
        "limits" if usual is None else "medians",
        medians.calls if usual is not None else 0,
    )


def medians_of(prompts: list[int], completions: list[int]) -> Medians:
    """Medians of the counts in these calls."""
    calls = max(len(prompts), len(completions))
    return Medians(calls, _median(prompts), _median(completions))


def _median(counts: list[int]) -> int | None:
    return round(median(counts)) if len(counts) >= ENOUGH_CALLS else None


def medians(connection: Connection, question: UsageQuery, *, provider: str) -> Medians:
    """Finished chat calls of the question's persona and model, by the question's person."""
    calls = usage_calls.c
    newest = select(usage_calls)
    if question.person is not None:
        newest = newest.where(calls.owner == question.person)
    looked_at = newest.order_by(calls.began_at.desc()).limit(_LOOKED_AT).subquery().c
    query = (
        select(looked_at.prompt_tokens, looked_at.completion_tokens)
        .where(looked_at.persona_id == question.persona, looked_at.model == question.model)
        .where(looked_at.provider == provider, looked_at.outcome == "finished")
        .where(looked_at.purpose.in_(("chat", "temporary")))
        .limit(LATEST_CALLS)
    )
    rows = connection.execute(query).all()
    return medians_of(
        [row.prompt_tokens for row in rows if row.prompt_tokens is not None],
        [row.completion_tokens for row in rows if row.completion_tokens is not None],
    )
