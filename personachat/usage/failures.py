"""What failed, and the sentence that somebody saw then: the ledger keeps none, the failed turn does."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from personachat.conversations.tables import conversations, turns
from personachat.usage.questions import Question
from personachat.usage.tables import NOTABLE, usage_calls


def sentences(
    connection: Connection, question: Question, codes: Iterable[str], *, owner: str
) -> dict[str, str]:
    """For each error code the latest sentence that this owner saw; codes that they never saw are left out."""
    found: dict[str, str] = {}
    for code in codes:
        failed = select(usage_calls.c.turn_id, usage_calls.c.began_at).where(
            NOTABLE,
            usage_calls.c.outcome == "failed",
            usage_calls.c.error_code == code,
            *question.conditions(usage_calls),
            *question.times(usage_calls),
        )
        calls = failed.subquery()
        query = (
            select(turns.c.error)
            .join_from(turns, conversations)
            .join(calls, calls.c.turn_id == turns.c.id)
            .where(turns.c.error_code == code, conversations.c.owner == owner)
            .order_by(calls.c.began_at.desc())
            .limit(1)
        )
        error = connection.execute(query).scalar()
        message = error.get("message") if isinstance(error, dict) else None
        if isinstance(message, str) and message:
            found[code] = message
    return found
