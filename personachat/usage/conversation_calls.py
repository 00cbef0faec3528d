"""The calls of one conversation, and their totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from personachat.usage.tables import usage_calls

MOST_CALLS = 100

_ADDED = ("prompt_tokens", "completion_tokens", "cost_usd", "retries")


@dataclass(frozen=True, slots=True)
class ConversationCalls:
    """`rows` are the last calls, oldest first; `total` and `counts` cover all.

    A total is None if no call has the value; `counts` tells how many do.
    """

    count: int
    rows: Sequence[Mapping[str, Any]]
    total: Mapping[str, float | None]
    counts: Mapping[str, int]
    estimated: int


def calls_of(connection: Connection, conversation_id: str, *, owner_hash: str) -> ConversationCalls:
    """Those of this owner."""
    calls = usage_calls.c
    mine = (calls.conversation_id == conversation_id, calls.owner == owner_hash)
    newest = select(usage_calls).where(*mine).order_by(calls.began_at.desc(), calls.id.desc())
    rows = [dict(row) for row in connection.execute(newest.limit(MOST_CALLS)).mappings()]
    sums = [part for name in _ADDED for part in (func.sum(calls[name]), func.count(calls[name]))]
    query = select(func.count(), func.count().filter(calls.estimated), *sums).where(*mine)
    count, estimated, *numbers = connection.execute(query).one()
    totals = dict(zip(_ADDED, numbers[::2], strict=True))
    return ConversationCalls(
        count,
        rows[::-1],
        {name: None if value is None else float(value) for name, value in totals.items()},
        dict(zip(_ADDED, numbers[1::2], strict=True)),
        estimated,
    )
