"""The times of ended calls, read from their rows."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, select

from personachat.messages import writing_speed
from personachat.usage.day_times import UNKNOWN
from personachat.usage.histograms import bucket_of
from personachat.usage.records import moment_of, quarter_of
from personachat.usage.tables import usage_calls

Values = tuple[Any, ...]

_TIMED = (usage_calls.c.first_token_ms, usage_calls.c.duration_ms, usage_calls.c.completion_tokens)


def ended_calls(
    connection: Connection, columns: Sequence[Column[Any]], first: int, end: int
) -> Iterator[tuple[int, Values, tuple[float | None, ...]]]:
    """Each call between two quarters (`until` excluded): its quarter, these columns, and its TIMES."""
    query = _query([usage_calls.c.began_at, *_TIMED, *columns], first, end)
    for began_at, first_token, duration, tokens, *values in connection.execute(query):
        yield (
            quarter_of(began_at),
            tuple(values),
            (first_token, duration, tokens_per_second(first_token, duration, tokens)),
        )


def buckets_of_calls(
    connection: Connection,
    columns: Sequence[Column[Any]],
    first: int,
    end: int,
    *conditions: ColumnElement[bool],
) -> dict[Values, array[int]]:
    """The buckets of those calls' TIMES, one call after another, by the values of the columns."""
    buckets: dict[Values, array[int]] = defaultdict(lambda: array("H"))
    query = _query([*_TIMED, *columns], first, end).where(*conditions)
    for first_token, duration, tokens, *values in connection.execute(query):
        pace = tokens_per_second(first_token, duration, tokens)
        buckets[tuple(values)].extend(
            UNKNOWN if time is None else bucket_of(time) for time in (first_token, duration, pace)
        )
    return buckets


def _query(columns: Sequence[Column[Any]], first: int, end: int) -> Select[Any]:
    began_at = usage_calls.c.began_at
    within = began_at >= moment_of(first), began_at < moment_of(end)
    return select(*columns).where(*within, usage_calls.c.outcome != "running")


def tokens_per_second(
    first_token_ms: int | None, duration_ms: int | None, tokens: int | None
) -> float | None:
    """Tokens per second of a call after its first token; None if unknown."""
    return writing_speed(
        tokens or 0,
        first_token_seconds=None if first_token_ms is None else first_token_ms / 1000,
        duration_seconds=None if duration_ms is None else duration_ms / 1000,
    )
