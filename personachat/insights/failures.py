"""What failed, and the sentence that somebody saw then: the ledger keeps none, the failed turn does."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from personachat.conversations.tables import conversations, turns
from personachat.usage.questions import UsageQuery
from personachat.usage.tables import NOTABLE, usage_calls

LOOKED_AT = 1_000
"""So many of the newest failures; an error that is not among them has only its title."""


def sentences(
    connection: Connection, question: UsageQuery, codes: Iterable[str], *, owner: str
) -> dict[str, str]:
    """For each error code the latest sentence that this owner saw; codes that they never saw are left out."""
    failed = select(usage_calls.c.turn_id, usage_calls.c.began_at, usage_calls.c.error_code).where(
        NOTABLE,
        usage_calls.c.outcome == "failed",
        usage_calls.c.error_code.in_(list(codes)),
        *question.conditions(usage_calls),
        *question.times(usage_calls),
    )
    calls = failed.subquery()
    query = (
        select(calls.c.error_code, turns.c.error)
        .join_from(turns, conversations)
        .join(calls, calls.c.turn_id == turns.c.id)
        .where(turns.c.error_code == calls.c.error_code, conversations.c.owner == owner)
        .order_by(calls.c.began_at.desc())
        .limit(LOOKED_AT)
    )
    sentences_by_code: dict[str, str] = {}
    for code, error in connection.execute(query):
        message = error.get("message") if isinstance(error, dict) else None
        if isinstance(message, str) and message:
            sentences_by_code.setdefault(code, message)
    return sentences_by_code
