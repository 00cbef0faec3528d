"""How fast models answer: medians and 95th percentiles of calls, which sums cannot say.

Among many calls a sample is measured: those whose random ids are small enough, the same ones every time. So
the time does not grow with the ledger.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from personachat.conversations.model import MEASURABLE_SECONDS
from personachat.usage import days
from personachat.usage.questions import Question
from personachat.usage.tables import usage_calls

SAMPLE_CALLS = 10_000

_ID_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Spread:
    """Of how many calls, and what half and 95 % of them stayed within."""

    count: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Speeds:
    """By model and by day (2026-01-31), only where there are any: seconds, and tokens per second.

    The 95th percentile of a speed is that of the slow ones: 95 % are faster.
    """

    first_token: Mapping[str, Mapping[str, Spread]]
    """"model" and "day" to the spread of each."""
    tokens_per_second: Mapping[str, Mapping[str, Spread]]
    share: float
    """Of the calls that were looked at; 1 is all of them."""


def spread(values: Iterable[float], *, slow_is_low: bool = False) -> Spread:
    """By nearest rank: each number is one that was measured. There must be a value."""
    ordered = sorted(values)
    slow = _at(ordered[::-1] if slow_is_low else ordered, 0.95)
    return Spread(len(ordered), _at(ordered, 0.5), slow)


def _at(ordered: list[float], part: float) -> float:
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def speeds(connection: Connection, question: Question, *, calls: int) -> Speeds:
    """Those of a question that `calls` are of."""
    columns = usage_calls.c
    query = select(
        columns.began_at,
        columns.model,
        columns.first_token_ms,
        columns.duration_ms,
        columns.completion_tokens,
    ).where(columns.first_token_ms.is_not(None), *question.conditions(usage_calls), *time_of(question))
    share = min(1.0, SAMPLE_CALLS / calls) if calls else 1.0
    if share < 1:
        query = query.where(columns.id < f"{int(share * 16**_ID_DIGITS):0{_ID_DIGITS}x}")
    waits: dict[str, dict[str, list[float]]] = {"model": defaultdict(list), "day": defaultdict(list)}
    paces: dict[str, dict[str, list[float]]] = {"model": defaultdict(list), "day": defaultdict(list)}
    for row in connection.execute(query):
        pace = _pace(row.first_token_ms, row.duration_ms, row.completion_tokens)
        day = days.today(row.began_at, question.zone).isoformat()
        for kind, key in (("model", row.model or ""), ("day", day)):
            waits[kind][key].append(row.first_token_ms / 1000)
            if pace is not None:
                paces[kind][key].append(pace)
    return Speeds(_spreads(waits), _spreads(paces, slow_is_low=True), share)


def time_of(question: Question) -> list[ColumnElement[bool]]:
    """The conditions on when a call began."""
    began_at = usage_calls.c.began_at
    since: list[ColumnElement[bool]] = [] if question.begins is None else [began_at >= question.begins]
    return since if question.ends is None else [*since, began_at < question.ends]


def _spreads(
    values: Mapping[str, Mapping[str, list[float]]], *, slow_is_low: bool = False
) -> dict[str, dict[str, Spread]]:
    return {
        kind: {key: spread(found, slow_is_low=slow_is_low) for key, found in groups.items()}
        for kind, groups in values.items()
    }


def _pace(first_token_ms: int, duration_ms: int | None, tokens: int | None) -> float | None:
    """As `Reply.tokens_per_second`."""
    if duration_ms is None or tokens is None or tokens < 2:
        return None
    writing = (duration_ms - first_token_ms) / 1000
    return (tokens - 1) / writing if writing > MEASURABLE_SECONDS else None
